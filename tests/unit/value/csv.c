#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/random.h"
#include "value/csv.h"

constexpr size_t OUT_BYTES_MAX = 64 * MIB;

struct reading {
    struct test_task test;
    struct csv *csv;
    struct table_row row;
};

static void reading_open(struct reading *table, str text)
{
    *table = (struct reading){};
    test_task_init(&table->test);
    check_int(csv_open_text(&table->test.task, text, &table->csv), ERR_NONE);
}

static void reading_close(struct reading *table)
{
    check(!csv_next(table->csv, &table->test.arena, &table->row));
    csv_close(table->csv);
    test_task_drop(&table->test);
}

/** The next row, its cells in brackets; or its fault. */
static str next(struct reading *table)
{
    struct buf out = buf_make(&table->test.arena, OUT_BYTES_MAX);
    if (!csv_next(table->csv, &table->test.arena, &table->row)) return S("end");
    if (table->row.fault.len > 0) {
        check_int(table->row.cell_count, 0);
        return table->row.fault;
    }
    for (uint32_t at = 0; at < table->row.cell_count; at++) {
        buf_put_byte(&out, '[');
        buf_put(&out, table->row.cells[at]);
        buf_put_byte(&out, ']');
    }
    return buf_str(&out);
}

/** The rows of a text, each as `next` tells it. */
static void rows_are(str text, const char *const *rows)
{
    struct reading table;
    reading_open(&table, text);
    for (; *rows != nullptr; rows++) check_str(next(&table), str_of(*rows));
    reading_close(&table);
}

#define check_rows(text, ...) rows_are(S(text), (const char *const[]){__VA_ARGS__, nullptr})

TEST(test_csv__reads_rfc_4180)
{
    check_rows("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", "[aaa][bbb][ccc]", "[zzz][yyy][xxx]");
    check_rows("aaa,bbb,ccc\r\nzzz,yyy,xxx", "[aaa][bbb][ccc]", "[zzz][yyy][xxx]");
    check_rows("\"aaa\",\"bbb\",\"ccc\"\r\nzzz,yyy,xxx", "[aaa][bbb][ccc]", "[zzz][yyy][xxx]");
    check_rows("\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,xxx", "[aaa][b\r\nbb][ccc]",
               "[zzz][yyy][xxx]");
    check_rows("\"aaa\",\"b\"\"bb\",\"ccc\"", "[aaa][b\"bb][ccc]");
    check_rows("\"\"\"\"\"\",\"\",\"\"\"\"", "[\"\"][][\"]");
    check_rows("a, b ,\" c \"", "[a][ b ][ c ]");
}

TEST(test_csv__reads_each_line_end)
{
    check_rows("a,b\nc,d\n", "[a][b]", "[c][d]");
    check_rows("a,b\rc,d\r", "[a][b]", "[c][d]");
    check_rows("a,b\r\nc,d\ne,f\rg,h", "[a][b]", "[c][d]", "[e][f]", "[g][h]");
    check_rows("a,b\r\r\nc,d", "[a][b]", "[c][d]");
    check_rows("\n\r\n\ra,b\n\n\nc,d\n\n", "[a][b]", "[c][d]");
    check_rows("a,\"b\rc\nd\"\re,f", "[a][b\rc\nd]", "[e][f]");
}

TEST(test_csv__reads_empty_cells_and_texts)
{
    check_rows(",\n,,\n", "[][]", "[][][]");
    check_rows("a,\nb,", "[a][]", "[b][]");
    check_rows("a", "[a]");
    check_rows("\"\"", "[]");
    struct reading table;
    reading_open(&table, S(""));
    reading_close(&table);
    reading_open(&table, S("\n\r\n"));
    reading_close(&table);
    reading_open(&table, S("\xef\xbb\xbf"));
    reading_close(&table);
}

TEST(test_csv__takes_quotes_within_unquoted_cells_as_they_are)
{
    check_rows("5\" pipe,a \"b\" c\n", "[5\" pipe][a \"b\" c]");
    check_rows("a, \"b\"\n", "[a][ \"b\"]");
    check_rows("\"a\"  ,\"b\" \n", "[a][b]");
}

TEST(test_csv__joins_cells_that_a_comma_in_a_text_split)
{
    struct reading table;
    reading_open(&table, S("a,b,c\n1,12, rue X,3\n1,12, rue X, 3\n1,2,3,4\n1, 2,3\n1,12, x, y, z,\n"
                           "1,\"12\", rue X,3\n1,12,\" x\",3\n1,,  x,3\n1,12, r\xfc"
                           "e,3\n"));
    check_str(next(&table), S("[a][b][c]"));
    check_str(next(&table), S("[1][12, rue X][3]"));
    check(table.row.is_joined);
    check_str(table.row.raw, S("1,12, rue X,3"));
    check_str(next(&table), S("[1][12][ rue X][ 3]"));
    check(!table.row.is_joined);
    check_str(next(&table), S("[1][2][3][4]"));
    check_str(next(&table), S("[1][ 2][3]"));
    check(!table.row.is_joined);
    check_str(next(&table), S("[1][12, x, y, z][]"));
    check_str(next(&table), S("[1][12][ rue X][3]"));
    check_str(next(&table), S("[1][12][ x][3]"));
    check_str(next(&table), S("[1][][  x][3]"));
    check_str(next(&table), S("[1][12, rüe][3]"));
    check(table.row.is_joined);
    reading_close(&table);
}

TEST(test_csv__tells_number_line_and_raw_text)
{
    struct reading table;
    reading_open(&table, S("h1,h2\n\na,\"b\r\nc\"\"\"\r\nd,e\n"));
    check_str(next(&table), S("[h1][h2]"));
    check_int(table.row.number, 1);
    check_int(table.row.line, 1);
    check_str(next(&table), S("[a][b\r\nc\"]"));
    check_int(table.row.number, 2);
    check_int(table.row.line, 3);
    check_str(table.row.raw, S("a,\"b\r\nc\"\"\""));
    check_str(next(&table), S("[d][e]"));
    check_int(table.row.number, 3);
    check_int(table.row.line, 5);
    check_int(csv_place(table.csv).bytes, 23);
    reading_close(&table);
}

static void separator_is(str text, char separator)
{
    struct reading table;
    reading_open(&table, text);
    check_int(csv_format(table.csv).separator, separator);
    csv_close(table.csv);
    test_task_drop(&table.test);
}

TEST(test_csv__finds_the_separator)
{
    separator_is(S("a,b,c\n1,2,3\n"), ',');
    separator_is(S("a;b;c\n1;2;3\n"), ';');
    separator_is(S("a\tb\tc\n1\t2\t3\n"), '\t');
    separator_is(S("a|b|c\n1|2|3\n"), '|');
    separator_is(S("Name;Umsatz\nMüller, Söhne;1,50\nMeier;2,75\n"), ';');
    separator_is(S("Name, Vorname;Ort\nMeier, Hans;Köln\nSchmidt;Bonn\n"), ';');
    separator_is(S("\"a;b;c\",d\n\"1;2;3\",4\n"), ',');
    separator_is(S("\"x\n;;;;\n\";y\n\"u,,,,\";v\n"), ';');
    separator_is(S("name\nAnna\nBert, the second\n"), ',');
    separator_is(S("a\tb, c\n1\t2\n3\t4, 5\n"), '\t');
    separator_is(S(""), ',');
    separator_is(S("one"), ',');
}

TEST(test_csv__obeys_the_line_that_names_the_separator)
{
    struct reading table;
    reading_open(&table, S("\xef\xbb\xbfsep=;\r\na;b,c\n1;2,3\n"));
    check_str(next(&table), S("[a][b,c]"));
    check_int(table.row.number, 1);
    check_int(table.row.line, 2);
    check_str(next(&table), S("[1][2,3]"));
    reading_close(&table);
    check_rows("sep=x\na,b\n", "[sep=x]", "[a][b]");
}

TEST(test_csv__skips_a_mark)
{
    struct reading table;
    reading_open(&table, S("\xef\xbb\xbf\"a\",b\n"));
    check(csv_format(table.csv).has_mark);
    check(!csv_format(table.csv).is_windows_1252);
    check_str(next(&table), S("[a][b]"));
    check_int(csv_place(table.csv).bytes, 9);
    reading_close(&table);
}

TEST(test_csv__converts_windows_1252)
{
    struct reading table;
    reading_open(&table, S("name;city\nM\xfcller;\"K\xf6ln \"\"S\xfc"
                           "d\"\"\"\n\x80 5;\x93quoted\x94 \x85 \x8a\x9e\x81\n"));
    check(csv_format(table.csv).is_windows_1252);
    check_str(next(&table), S("[name][city]"));
    check_str(next(&table), S("[Müller][Köln \"Süd\"]"));
    check_str(table.row.raw, S("Müller;\"Köln \"\"Süd\"\"\""));
    check_str(next(&table), S("[€ 5][“quoted” … Šž\u0081]"));
    check_int(table.row.line, 3);
    reading_close(&table);
}

TEST(test_csv__takes_the_encoding_row_by_row)
{
    check_rows("a,b\nMüller,1\nM\xfcller,2\nMüller,3\n", "[a][b]", "[Müller][1]", "[Müller][2]",
               "[Müller][3]");
}

TEST(test_csv__finds_windows_1252_in_lines_after_a_quoted_newline)
{
    check_rows("a,b\n\"x\ny\xe9\",2\n3,4\n", "[a][b]", "[x\nyé][2]", "[3][4]");
}

static void refused(str text, const char *detail)
{
    struct test_task test;
    test_task_init(&test);
    struct csv *csv;
    check_int(csv_open_text(&test.task, text, &csv), ERR_UNREADABLE);
    check(csv == nullptr);
    check_str(test.task.fault.detail, str_of(detail));
    test_task_drop(&test);
}

TEST(test_csv__refuses_what_is_no_table_by_name)
{
    refused(S("\xff\xfe"
              "a\0,\0b\0"),
            "this is UTF-16; save it as UTF-8");
    refused(S("\xfe\xff\0a\0,\0b"), "this is UTF-16; save it as UTF-8");
    refused(S("a\0,\0b\0\n\0c\0,\0d\0\n\0"), "this is UTF-16 without a mark; save it as UTF-8");
    refused(S("PK\x03\x04\x14\0\x06\0"), "this is a workbook or zip file, not text");
    refused(S("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            "this is an old Excel workbook, not text; save the sheet as CSV");
    refused(S("%PDF-1.7\n"), "this is a PDF, not a table");
    refused(S("\x1f\x8b\x08"), "this is compressed; unpack it first");
    refused(S("\x7f"
              "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\x3e\0"),
            "this is binary, not a table as text");
}

#define UNCLOSED "a quote is opened and not closed"
#define BEHIND "something stands between a closing quote and the separator"
#define WITHIN "the line belongs to a broken row above it"

TEST(test_csv__an_unclosed_quote_costs_one_row)
{
    check_rows("a,b\n1,\"x\n2,y\n3,z\n", "[a][b]", UNCLOSED, "[2][y]", "[3][z]");
    check_rows("a,b\n1,x\n2,\"", "[a][b]", "[1][x]", UNCLOSED);
    check_rows("a,b\n1,\"x\n2,\"y\"\n3,z\n", "[a][b]", BEHIND, "[2][y]", "[3][z]");
    check_rows("a,b\n1,\"x\"y,z\n3,4\n", "[a][b]", BEHIND, "[3][4]");
    check_rows("\"a,b\n1,2\n3,4\n", UNCLOSED, "[1][2]", "[3][4]");
}

TEST(test_csv__lines_of_a_broken_row_are_no_rows)
{
    check_rows("a,b,c\n1,\"he said \"no\" and\nleft\nearly\",x\n2,y,z\n", "[a][b][c]", BEHIND,
               "[left]", "[early\"][x]", "[2][y][z]");
    check_rows("a,b,c\n1,\"first\nsecond \"quoted\" line\",x\n2,y,z\n", "[a][b][c]", BEHIND, WITHIN,
               "[2][y][z]");
}

TEST(test_csv__broken_rows_show_their_first_line)
{
    struct reading table;
    reading_open(&table, S("a,b\r\n1,\"x\r\n2,y\r\n\r\n3,\"z\"!\r\n"));
    (void)next(&table);
    check_str(next(&table), S(BEHIND));
    check_str(table.row.raw, S("1,\"x"));
    check_int(table.row.line, 2);
    check_str(next(&table), S("[2][y]"));
    check_int(table.row.line, 3);
    check_str(next(&table), S(BEHIND));
    check_str(table.row.raw, S("3,\"z\"!"));
    check_int(table.row.line, 5);
    check_int(csv_place(table.csv).bytes, 26);
    reading_close(&table);
}

TEST(test_csv__refuses_rows_with_nul)
{
    check_rows("a,b\nc\0d,e\nf,g\n", "[a][b]", "the row holds a NUL byte", "[f][g]");
    check_rows("a,b\nc,\"d\0\ne\"\nf,g\n", "[a][b]", "the row holds a NUL byte", "[f][g]");
}

static str repeat(struct test_task *test, const char *before, const char *piece, size_t count,
                  const char *behind)
{
    struct buf out = buf_make(&test->arena, OUT_BYTES_MAX);
    buf_put(&out, str_of(before));
    for (size_t at = 0; at < count; at++) buf_put(&out, str_of(piece));
    buf_put(&out, str_of(behind));
    return buf_str(&out);
}

TEST(test_csv__refuses_rows_with_too_many_cells)
{
    struct test_task test;
    test_task_init(&test);
    rows_are(repeat(&test, "a,b\n", ",", CSV_COLUMNS_MAX, "\nc,d\n"),
             (const char *const[]){"[a][b]", "the row has 513 cells, at most 512 are read",
                                   "[c][d]", nullptr});
    struct reading table;
    reading_open(&table, repeat(&test, "a,b\n", ",", CSV_COLUMNS_MAX - 1, "\nc,d\n"));
    (void)next(&table);
    (void)next(&table);
    check_int(table.row.cell_count, CSV_COLUMNS_MAX);
    check_str(next(&table), S("[c][d]"));
    reading_close(&table);
    test_task_drop(&test);
}

TEST(test_csv__refuses_cells_that_are_too_long)
{
    struct test_task test;
    test_task_init(&test);
    rows_are(
        repeat(&test, "a,b\n1,", "x", CSV_CELL_BYTES_MAX + 1, "\nc,d\n"),
        (const char *const[]){"[a][b]", "cell 2 is longer than 65536 bytes", "[c][d]", nullptr});
    rows_are(
        repeat(&test, "a,b\n1,\"", "x\n", CSV_CELL_BYTES_MAX, "\"\nc,d\n"),
        (const char *const[]){"[a][b]", "cell 2 is longer than 65536 bytes", "[c][d]", nullptr});
    struct reading table;
    reading_open(&table, repeat(&test, "a,b\n1,\"", "x", CSV_CELL_BYTES_MAX, "\"\nc,d\n"));
    (void)next(&table);
    (void)next(&table);
    check_int(table.row.cells[1].len, CSV_CELL_BYTES_MAX);
    check_str(next(&table), S("[c][d]"));
    reading_close(&table);
    test_task_drop(&test);
}

TEST(test_csv__refuses_rows_that_are_too_long)
{
    struct test_task test;
    test_task_init(&test);
    rows_are(repeat(&test, "a,b\n", "x", 3 * CSV_ROW_BYTES_MAX, "\nc,d\n"),
             (const char *const[]){"[a][b]", "the row is longer than 1 MiB", "[c][d]", nullptr});
    rows_are(repeat(&test, "a,b\n\"", "x", 3 * CSV_ROW_BYTES_MAX, "\nc,d\n"),
             (const char *const[]){"[a][b]", UNCLOSED, "[c][d]", nullptr});
    test_task_drop(&test);
}

TEST(test_csv__a_quote_without_end_does_not_swallow_a_large_file)
{
    struct test_task test;
    test_task_init(&test);
    struct reading table;
    reading_open(&table, repeat(&test, "a,b\n1,\"x\n", "2,some cell\n", 200'000, ""));
    (void)next(&table);
    check_str(next(&table), S(UNCLOSED));
    for (size_t at = 0; at < 200'000; at++) check_str(next(&table), S("[2][some cell]"));
    reading_close(&table);
    test_task_drop(&test);
}

TEST(test_csv__a_file_of_broken_rows_takes_time_in_proportion)
{
    /* Each line leaves a quote open that the next lines close and open again: 512 lines are
     * read for each. */
    struct test_task test;
    test_task_init(&test);
    char line[2100];
    memset(line, 'x', sizeof line);
    memcpy(line + sizeof line - 7, "\",\"\n", 5);
    struct reading table;
    reading_open(&table, repeat(&test, "a,b\n", line, 4000, ""));
    (void)next(&table);
    size_t rows = 0;
    while (csv_next(table.csv, &table.test.arena, &table.row)) {
        check(table.row.fault.len > 0);
        arena_clear(&table.test.arena);
        rows++;
    }
    check_int(rows, 4000);
    csv_close(table.csv);
    test_task_drop(&table.test);
    test_task_drop(&test);
}

/** A file without a name that holds `text`, read from its beginning. */
static int file_of(str text)
{
    int file = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    check(file >= 0);
    for (size_t at = 0; at < text.len;) {
        ssize_t put = pwrite(file, text.at + at, text.len - at, (off_t)at);
        check(put > 0);
        at += (size_t)put;
    }
    return file;
}

TEST(test_csv__reads_a_file_as_it_reads_text)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    static const char *const pieces[] = {
        "a", ",", "\"", "\r\n", "\n", "\r", "\"\"", "é", "\xfc", "words and words, ", "\"x\"", ";"};
    struct test_task test;
    test_task_init(&test);
    struct buf text = buf_make(&test.arena, OUT_BYTES_MAX);
    buf_put(&text, S("a,b,c\n"));
    while (text.len < 3 * MIB)
        buf_put(&text, str_of(pieces[random_uint64() % (sizeof pieces / sizeof pieces[0])]));
    int file = file_of(buf_str(&text));
    struct csv *by_text, *by_file;
    check_int(csv_open_text(&test.task, buf_str(&text), &by_text), ERR_NONE);
    struct source_file source;
    source_of_file(&source, file);
    check_int(csv_open(&test.task, &source.source, &by_file), ERR_NONE);
    size_t usable = 0;
    for (;;) {
        struct arena arena;
        arena_init(&arena, 64 * MIB);
        struct table_row a, b;
        bool has_a = csv_next(by_text, &arena, &a);
        bool has_b = csv_next(by_file, &arena, &b);
        bool is_same = has_a == has_b && a.line == b.line && a.number == b.number &&
                       a.cell_count == b.cell_count && str_eq(a.raw, b.raw) &&
                       str_eq(a.fault, b.fault) &&
                       csv_place(by_text).bytes == csv_place(by_file).bytes;
        for (uint32_t at = 0; is_same && at < a.cell_count; at++)
            is_same = str_eq(a.cells[at], b.cells[at]);
        if (!is_same) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        check(is_same);
        check(utf8_is_valid(a.raw));
        usable += a.fault.len == 0;
        arena_drop(&arena);
        if (!has_a) break;
    }
    check(usable > 1000);
    check_int(csv_place(by_text).bytes, text.len);
    csv_close(by_text);
    csv_close(by_file);
    close(file);
    random_seed(0);
    test_task_drop(&test);
}

TEST(test_csv__reads_from_where_the_file_stands)
{
    struct test_task test;
    test_task_init(&test);
    int file = file_of(S("not this\na,b\n"));
    check_int(lseek(file, 9, SEEK_SET), 9);
    struct reading table = {};
    test_task_init(&table.test);
    struct source_file source;
    source_of_file(&source, file);
    check_int(csv_open(&table.test.task, &source.source, &table.csv), ERR_NONE);
    check_str(next(&table), S("[a][b]"));
    check_int(csv_place(table.csv).bytes, 4);
    reading_close(&table);
    close(file);
    test_task_drop(&test);
}

TEST(test_csv__tells_that_a_file_cannot_be_read)
{
    struct test_task test;
    test_task_init(&test);
    int file = open(P_tmpdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct csv *csv;
    struct source_file source;
    source_of_file(&source, file);
    check_int(csv_open(&test.task, &source.source, &csv), ERR_SYSTEM);
    check_str(test.task.fault.detail, S("the file cannot be read: Is a directory"));
    check(csv == nullptr);
    close(file);
    test_task_drop(&test);
}

TEST(test_csv__tells_that_a_file_cannot_be_read_further)
{
    struct test_task test;
    test_task_init(&test);
    str text = repeat(&test, "a,b\n", "1,2\n", 100'000, "");
    int file = file_of(text);
    struct reading table = {};
    test_task_init(&table.test);
    struct source_file source;
    source_of_file(&source, file);
    check_int(csv_open(&table.test.task, &source.source, &table.csv), ERR_NONE);
    /* A directory in its place: what is read from now on is an error. */
    int folder = open(P_tmpdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_int(dup2(folder, file), file);
    size_t rows = 0;
    while (csv_next(table.csv, &table.test.arena, &table.row) && table.row.fault.len == 0) rows++;
    check(rows > 1000 && rows < 100'000);
    check(str_starts(table.row.fault, S("the file cannot be read further")));
    reading_close(&table);
    close(file);
    close(folder);
    test_task_drop(&test);
}

static void random_cell(struct buf *out)
{
    static const char *const pieces[] = {"a", "B",  " ",  ",",  ";",    "\t",    "|",    "\"",
                                         "é", "日", "\n", "\r", "\r\n", "words", "=1+1", "'"};
    for (uint64_t count = random_uint64() % 12; count > 0; count--)
        buf_put(out, str_of(pieces[random_uint64() % (sizeof pieces / sizeof pieces[0])]));
}

TEST(test_csv__reads_back_each_table_it_writes)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (int round = 0; round < 300; round++) {
        struct test_task test;
        test_task_init(&test);
        char separator = ",;\t|"[random_uint64() % 4];
        uint32_t columns = 2 + (uint32_t)(random_uint64() % 8);
        uint32_t rows = 1 + (uint32_t)(random_uint64() % 30);
        str *cells = arena_new(&test.arena, str, columns * rows);
        struct buf text = buf_make(&test.arena, OUT_BYTES_MAX);
        /* Excel's line, so that the test does not rest on what sniffing makes of random cells. */
        buf_print(&text, "sep=%c\r\n", separator);
        for (uint32_t at = 0; at < columns * rows; at++) {
            struct buf cell = buf_make(&test.arena, 1000);
            random_cell(&cell);
            cells[at] = buf_str(&cell);
            csv_write_cell(&text, cells[at], separator);
            if (at % columns < columns - 1) buf_put_byte(&text, separator);
            else buf_put(&text, S("\r\n"));
        }
        struct csv *csv;
        check_int(csv_open_text(&test.task, buf_str(&text), &csv), ERR_NONE);
        struct table_row row;
        for (uint32_t number = 0; number < rows; number++) {
            bool is_right = csv_next(csv, &test.arena, &row) && row.cell_count == columns;
            for (uint32_t at = 0; is_right && at < columns; at++)
                is_right = str_eq(row.cells[at], cells[number * columns + at]);
            if (!is_right)
                fprintf(stderr, "seed %llu, round %d, row %u\n", (unsigned long long)seed, round,
                        number);
            check(is_right);
        }
        check(!csv_next(csv, &test.arena, &row));
        csv_close(csv);
        test_task_drop(&test);
    }
    random_seed(0);
}

TEST(test_csv__writes_cells_quoted_only_when_needed)
{
    struct test_task test;
    test_task_init(&test);
    struct buf out = buf_make(&test.arena, 1000);
    csv_write_cell(&out, S("plain; text"), ',');
    buf_put_byte(&out, ',');
    csv_write_cell(&out, S("a,b"), ',');
    buf_put_byte(&out, ',');
    csv_write_cell(&out, S("\"q\""), ',');
    buf_put_byte(&out, ',');
    csv_write_cell(&out, S(""), ',');
    buf_put_byte(&out, ',');
    csv_write_cell(&out, S("two\nlines"), ',');
    check_str(buf_str(&out), S("plain; text,\"a,b\",\"\"\"q\"\"\",,\"two\nlines\""));
    test_task_drop(&test);
}

/** The folder of example data beside the checkout, or -1. */
static int northwind_open(void)
{
    const char *shared = getenv("ATRIUM_SHARED");
    char path[4096];
    if (shared != nullptr) {
        (void)snprintf(path, sizeof path, "%s/data/northwind/customers.csv", shared);
        return open(path, O_RDONLY | O_CLOEXEC);
    }
    int file = -1;
    char up[64] = "";
    for (size_t depth = 0; depth < 8 && file < 0; depth++) {
        (void)snprintf(path, sizeof path, "%s../shared/data/northwind/customers.csv", up);
        file = open(path, O_RDONLY | O_CLOEXEC);
        memcpy(up + depth * 3, "../", 4);
    }
    return file;
}

TEST(test_csv__reads_the_northwind_customers)
{
    int file = northwind_open();
    if (file < 0) {
        fprintf(stderr, "skipped: data/northwind/customers.csv is not here (set ATRIUM_SHARED)\n");
        return;
    }
    struct test_task test;
    test_task_init(&test);
    struct csv *csv;
    struct source_file source;
    source_of_file(&source, file);
    check_int(csv_open(&test.task, &source.source, &csv), ERR_NONE);
    check_int(csv_format(csv).separator, ',');
    check(!csv_format(csv).is_windows_1252);
    struct table_row row;
    check(csv_next(csv, &test.arena, &row));
    check_int(row.cell_count, 11);
    check_str(row.cells[1], S("companyName"));
    size_t rows = 0;
    size_t joined = 0;
    while (csv_next(csv, &test.arena, &row)) {
        check_str(row.fault, S(""));
        check_int(row.cell_count, 11);
        check_int(row.cells[0].len, 5);
        check(utf8_is_valid(row.raw));
        if (rows == 1) check_str(row.cells[5], S("México D.F."));
        if (rows == 6) check_str(row.cells[4], S("24, place Kléber"));
        if (rows == 6) check_str(row.cells[8], S("France"));
        joined += row.is_joined;
        rows++;
    }
    check_int(rows, 91);
    check_int(joined, 24);
    csv_close(csv);
    close(file);
    test_task_drop(&test);
}

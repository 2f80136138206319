/* Workbooks: archives of any bytes, and one that is whole but for a sheet or shared texts of any
   bytes. */
#include <stdlib.h>
#include <zip.h>

#include "base/limits.h"
#include "base/require.h"
#include "value/xlsx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_all(str archive)
{
    struct arena arena;
    struct task task;
    struct source_text source;
    struct xlsx *xlsx;
    arena_init(&arena, 64 * MIB);
    task_init(&task, &arena);
    source_of_text(&source, archive);
    if (xlsx_open(&task, &source.source, S(""), &xlsx) == ERR_NONE) {
        struct table_row row;
        uint64_t rows = 0;
        while (xlsx_next(xlsx, &arena, &row)) {
            require(row.fault.len > 0 || row.cell_count <= CSV_COLUMNS_MAX);
            rows++;
        }
        struct table_place place = xlsx_place(xlsx);
        require(place.rows <= rows);
        xlsx_seek(xlsx, &place);
        while (xlsx_next(xlsx, &arena, &row)) continue;
        xlsx_close(xlsx);
    }
    arena_drop(&arena);
}

static void put(zip_t *zip, const char *name, const char *text, size_t len)
{
    zip_source_t *part = zip_source_buffer(zip, text, len, 0);
    require(part != nullptr);
    require(zip_file_add(zip, name, part, ZIP_FL_OVERWRITE) >= 0);
}

/** `fuzzed` stands in place of one part of a workbook that is otherwise whole. */
static str archive_with(const char *fuzzed, str content)
{
    static const char *const parts[][2] = {
        {"xl/workbook.xml",
         "<workbook><sheets><sheet name=\"A\" r:id=\"r1\"/></sheets></workbook>"},
        {"xl/_rels/workbook.xml.rels",
         "<Relationships><Relationship Id=\"r1\" Type=\"x/worksheet\" Target=\"s.xml\"/>"
         "<Relationship Id=\"r2\" Type=\"x/sharedStrings\" Target=\"t.xml\"/>"
         "<Relationship Id=\"r3\" Type=\"x/styles\" Target=\"y.xml\"/></Relationships>"},
        {"xl/s.xml", "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>"
                     "</sheetData></worksheet>"},
        {"xl/t.xml", "<sst><si><t>Name</t></si></sst>"},
        {"xl/y.xml", "<styleSheet><cellXfs><xf numFmtId=\"14\"/></cellXfs></styleSheet>"},
    };
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *target = zip_source_buffer_create(nullptr, 0, 0, &error);
    require(target != nullptr);
    zip_t *zip = zip_open_from_source(target, ZIP_TRUNCATE, &error);
    require(zip != nullptr);
    for (size_t at = 0; at < sizeof parts / sizeof parts[0]; at++) {
        bool is_fuzzed = strcmp(parts[at][0], fuzzed) == 0;
        str text = is_fuzzed ? content : str_of(parts[at][1]);
        put(zip, parts[at][0], text.at, text.len);
    }
    zip_source_keep(target);
    require(zip_close(zip) == 0);
    require(zip_source_open(target) == 0);
    require(zip_source_seek(target, 0, SEEK_END) == 0);
    zip_int64_t len = zip_source_tell(target);
    require(zip_source_seek(target, 0, SEEK_SET) == 0);
    char *bytes = memory_take((size_t)len + 1);
    require(zip_source_read(target, bytes, (zip_uint64_t)len) == len);
    zip_source_close(target);
    zip_source_free(target);
    return (str){bytes, (size_t)len};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const targets[] = {"xl/s.xml", "xl/t.xml", "xl/y.xml", "xl/workbook.xml",
                                          "xl/_rels/workbook.xml.rels"};
    constexpr size_t target_count = sizeof targets / sizeof targets[0];
    if (len == 0) return 0;
    str content = {(const char *)bytes + 1, len - 1};
    size_t which = bytes[0] % (target_count + 1);
    if (which == target_count) {
        read_all(content);
        return 0;
    }
    str archive = archive_with(targets[which], content);
    read_all(archive);
    memory_give((char *)archive.at);
    return 0;
}

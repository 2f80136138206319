/* The library of scripts: each name's example is true, and what each function gives or refuses. */
#include "script.h"

TEST(test_library__every_example_is_true)
{
    int count = 0;
    for (uint32_t of = 0; of < LIBRARY_PART_COUNT; of++) {
        for (uint32_t at = 0; at < library_parts[of]->count; at++) {
            const struct view_name *row = &library_parts[of]->names[at];
            check(row->signature != nullptr && row->text != nullptr);
            check(row->example != nullptr);
            char source[1024];
            (void)snprintf(source, sizeof source, "return (%s)", row->example);
            struct script script = script_of(source);
            count++;
            if (script.outcome == LUA_OK && strcmp(script.said, "true") == 0) continue;
            fprintf(stderr, "%s: %s\n", row->example, script.said);
            check(false);
        }
    }
    check(count > 90);
}

struct example {
    const char *source; /** an expression, or a body that returns something */
    const char *said;   /** what tostring shows of it, or `!` and a part of why it fails */
};

static void try_all(const struct example *examples, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        char source[2048];
        const char *said = examples[at].said;
        bool is_body = strstr(examples[at].source, "return ") != nullptr;
        (void)snprintf(source, sizeof source, "%s%s", is_body ? "" : "return ",
                       examples[at].source);
        struct script script = script_of(source);
        bool is_right = said[0] == '!'
                            ? script.outcome != LUA_OK && strstr(script.said, said + 1) != nullptr
                            : script.outcome == LUA_OK && strcmp(script.said, said) == 0;
        if (is_right) continue;
        fprintf(stderr, "%s\n  gives %s\n  not   %s\n", examples[at].source, script.said, said);
        check(false);
    }
}
#define TRY_ALL(examples) try_all((examples), sizeof(examples) / sizeof *(examples))

TEST(test_library__has_what_is_harmless_of_lua)
{
    static const struct example examples[] = {
        {"tostring(nil) .. tostring(true) .. tostring(1) .. tostring(1.0)", "niltrue11.0"},
        {"tostring(0/0) .. tostring(-(0/0)) .. tostring(1/0)", "nannaninf"},
        {"tostring({}) .. tostring(print) .. tostring(pcall) .. tostring(string)",
         "tablenilfunctiontable"},
        {"tonumber('0x10')", "16"},
        {"tonumber('1e2')", "100.0"},
        {"tonumber('12abc')", "nil"},
        {"tonumber('zz', 36)", "1295"},
        {"tonumber('-ff', 16)", "-255"},
        {"tonumber('8', 8)", "nil"},
        {"tonumber('1\\0')", "nil"},
        {"tonumber({})", "nil"},
        {"select(-1, 'a', 'b')", "b"},
        {"select('#')", "0"},
        {"select(0, 1)", "!out of range"},
        {"select(-5, 1)", "!out of range"},
        {"error('x')", "!rule:1: x"},
        {"error('x', 0)", "!x"},
        {"error({})", "!error takes a text, not a table"},
        {"local f = function() error('deep', 2) end\nlocal a = 1\nf()\nreturn 1", "!rule:3: deep"},
        {"assert(false)", "!rule:1: assertion failed!"},
        {"assert(nil, 'no manager')", "!rule:1: no manager"},
        {"select('#', assert(1, 2, 3))", "3"},
        {"select(2, pcall(error, 'x', 0))", "x"},
        {"return select(2, pcall(function() local t = nil; return t.x end))",
         "rule:1: attempt to index a nil value (local 't')"},
        {"local t = {} for i, v in ipairs({'a', 'b', nil, 'd'}) do t[#t + 1] = i .. v end "
         "return table.concat(t)",
         "1a2b"},
        {"local t = {} for k in pairs({b = 1, a = 2, [3] = 3, [1] = 1, [2.5] = 1, [-1] = 1, "
         "[true] = 1, [false] = 1, ['10'] = 1}) do t[#t + 1] = tostring(k) end "
         "return table.concat(t, ' ')",
         "false true -1 1 2.5 3 10 a b"},
        {"local t, n = {a = 1, b = 2, c = 3}, 0 for k in pairs(t) do t[k] = nil n = n + 1 end "
         "return n .. tostring(next(t))",
         "3nil"},
        {"local t, n = {a = 1, b = 2, c = 3}, 0 for k in pairs(t) do t.c = nil n = n + 1 end "
         "return n",
         "2"},
        {"local t, s = {c = 1, a = 1, [2] = 1, [1] = 1}, '' local k = next(t) "
         "while k ~= nil do s = s .. k k = next(t, k) end return s",
         "12ac"},
        {"next({}, 'gone')", "nil"},
        {"pairs({[{}] = 1})", "!has no order"},
        {"pairs(7)", "!table expected"},
        {"type(nil) .. type(print) .. type(type)", "nilnilfunction"},
        {"has(nil, 1)", "false"},
        {"has({1, 2}, 3)", "false"},
        {"math.fmod(math.mininteger, -1)", "0"},
        {"math.fmod(1, 0)", "!zero"},
        {"math.fmod(5.5, 2)", "1.5"},
        {"math.abs(math.mininteger) == math.mininteger", "true"},
        {"math.floor(1e300)", "1e+300"},
        {"math.ceil(-0.5)", "0"},
        {"math.max()", "!number expected"},
        {"math.tointeger('x')", "nil"},
        {"math.type('1')", "nil"},
        {"math.round(-2.5) .. math.round(2.675, 1)", "-32.7"},
    };
    TRY_ALL(examples);
}

TEST(test_library__has_nothing_else)
{
    static const char *const absent[] = {
        "setmetatable",
        "getmetatable",
        "rawset",
        "rawget",
        "rawequal",
        "rawlen",
        "coroutine",
        "load",
        "loadfile",
        "dofile",
        "loadstring",
        "xpcall",
        "debug",
        "io",
        "os",
        "package",
        "require",
        "collectgarbage",
        "print",
        "warn",
        "_G",
        "_VERSION",
        "utf8",
        "string.dump",
        "string.pack",
        "string.unpack",
        "string.packsize",
        "table.move",
        "table.pack",
        "math.random",
        "math.randomseed",
        "_ENV._G",
        "_ENV._ENV",
    };
    for (size_t at = 0; at < sizeof absent / sizeof *absent; at++) {
        char source[128];
        (void)snprintf(source, sizeof source, "return %s", absent[at]);
        struct script script = script_of(source);
        if (strcmp(script.said, "nil") != 0) fprintf(stderr, "%s is there\n", absent[at]);
        check(strcmp(script.said, "nil") == 0);
    }
}

TEST(test_library__is_sealed)
{
    static const struct example examples[] = {
        {"string.upper = nil return 1", "!`upper` cannot be set"},
        {"math.x = 1 return 1", "!`x` cannot be set"},
        {"date.add = function() end return 1", "!`add` cannot be set"},
        {"table.insert(string, 1) return #string", "1"},
        {"('').x = 1 return 1", "!attempt to index a string value"},
        {"('x').upper = nil return 1", "!"},
        {"_ENV = {} return x", "nil"},
        {"local _ENV <const> = {} return y", "nil"},
        {"tostring = function() return 'mine' end return tostring(1)", "mine"},
        {"('x'):upper()", "X"},
        {"next(string)", "nil"},
        {"money.add == money['add']", "true"},
    };
    TRY_ALL(examples);
}

TEST(test_library__matches_patterns)
{
    static const struct example examples[] = {
        {"('hello world'):find('o w')", "5"},
        {"select(2, ('hello'):find('l+'))", "4"},
        {"select(3, ('key=val'):find('(%w+)=(%w+)'))", "key"},
        {"('a.b'):find('.', 1, true)", "2"},
        {"('a.b'):find('.', 2)", "2"},
        {"('abc'):find('b', -1)", "nil"},
        {"('abc'):find('', 10)", "nil"},
        {"('abc'):find('', 4)", "4"},
        {"('2026-01-31'):match('^(%d+)-(%d+)-(%d+)$')", "2026"},
        {"select('#', ('2026-01-31'):match('^(%d+)-(%d+)-(%d+)$'))", "3"},
        {"('  x '):match('^%s*(.-)%s*$') .. '|'", "x|"},
        {"('THE (quick) fox'):find('%((%a+)%)')", "5"},
        {"('f(a(b)c)d'):match('%b()')", "(a(b)c)"},
        {"('THE (quick) fox'):gsub('%f[%a]%a+', 'W')", "W (W) W"},
        {"('abab'):match('(ab)%1')", "ab"},
        {"('hello'):match('()ll()')", "3"},
        {"local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end "
         "return table.concat(t, ' ')",
         "a1 b2"},
        {"local n = 0 for w in ('abc'):gmatch('') do n = n + 1 end return n", "4"},
        {"('hello world'):gsub('o', '0')", "hell0 w0rld"},
        {"select(2, ('hello'):gsub('l', 'L', 1))", "1"},
        {"('hello'):gsub('', '-')", "-h-e-l-l-o-"},
        {"('abc'):gsub('%w', '%0%0')", "aabbcc"},
        {"('abc'):gsub('(a)(b)', '%2%1')", "bac"},
        {"('$name is'):gsub('%$(%w+)', {name = 'Ann'})", "Ann is"},
        {"return (('abc'):gsub('%w', function(c) if c == 'b' then return 'B' end end))", "aBc"},
        {"('abc'):gsub('^a', 'x')", "xbc"},
        {"('x'):gsub('x', '%2')", "!invalid capture index %2"},
        {"('x'):gsub('x', '%a')", "!invalid use of '%'"},
        {"('x'):gsub('x', true)", "!string/function/table expected"},
        {"return ('x'):gsub('x', function() return {} end)",
         "!invalid replacement value (a table)"},
        {"('x'):find('[a')", "!missing ']'"},
        {"('x'):find('%')", "!ends with '%'"},
        {"('x'):find('(')", "!unfinished capture"},
        {"('x'):match(')')", "!invalid pattern capture"},
        {"('x'):find('%b')", "!missing arguments to '%b'"},
        {"('x'):find('%f')", "!missing '[' after '%f'"},
        {"('x'):find('%1')", "!invalid capture index"},
        {"('x'):rep(33) and ('x'):find(('('):rep(33))", "!too many captures"},
        {"('a'):rep(150):find(('a?'):rep(150))", "1"},
        {"('a'):rep(300):find(('a?'):rep(300) .. 'b')", "!too complex"},
    };
    TRY_ALL(examples);
}

TEST(test_library__forms_and_cuts_texts)
{
    static const struct example examples[] = {
        {"string.format('%5d|%-5d|%05d|%+d', 42, 42, 42, 42)", "   42|42   |00042|+42"},
        {"string.format('%.2f %e %g %x %X %o', 3.14159, 1.5, 0.1, 255, 255, 8)",
         "3.14 1.500000e+00 0.1 ff FF 10"},
        {"string.format('%s %s %s', nil, true, {})", "nil true table"},
        {"string.format('%-6s|%6s|%.2s', 'ab', 'ab', 'abc')", "ab    |    ab|ab"},
        {"string.format('%q', 'a\"b\\n')", "\"a\\\"b\\\n\""},
        {"string.format('%c%c', 72, 105)", "Hi"},
        {"string.format('%d', 3.0)", "3"},
        {"string.format('%d', 3.5)", "!no integer representation"},
        {"string.format('%p', {})", "!format knows"},
        {"string.format('%a', 1)", "!format knows"},
        {"string.format('%100d', 1)", "!above 99"},
        {"string.format('%d')", "!no value"},
        {"string.format('%')", "!format knows"},
        {"string.format('%5.1f', 0/0)", "  nan"},
        {"#string.format('%99.99f', 1e308)", "409"},
        {"('x'):rep(3, '-')", "x-x-x"},
        {"#('x'):rep(262144)", "262144"},
        {"('x'):rep(262145)", "!more than 256 KiB"},
        {"(''):rep(1e18 // 1 | 0)", ""},
        {"('x'):rep(-1)", ""},
        {"('x'):rep(math.maxinteger)", "!more than 256 KiB"},
        {"('abc'):byte(-1)", "99"},
        {"select('#', ('abc'):byte(1, -1))", "3"},
        {"select('#', ('abc'):byte(10))", "0"},
        {"select('#', ('abc'):byte(0))", "0"},
        {"select('#', ('abc'):byte(-10))", "0"},
        {"('x'):rep(5000):byte(1, -1)", "!slice too long"},
        {"string.char(256)", "!value out of range"},
        {"('abc'):sub(-2)", "bc"},
        {"('abc'):sub(0, 100)", "abc"},
        {"('abc'):sub(math.mininteger, math.maxinteger)", "abc"},
        {"('abc'):sub(3, 2)", ""},
    };
    TRY_ALL(examples);
}

TEST(test_library__handles_lists)
{
    static const struct example examples[] = {
        {"table.concat({})", ""},
        {"table.concat({1, 2.5, 'x'}, '-', 2, 3)", "2.5-x"},
        {"table.concat({1, {}, 3})", "!invalid value (at index 2)"},
        {"table.concat({}, '', 1, math.maxinteger)", "!invalid value (at index 1)"},
        {"table.insert({}, 5, 1)", "!position out of bounds"},
        {"table.insert({}, 1, 2, 3)", "!wrong number of arguments"},
        {"local t = {1, 2, 3} table.insert(t, 1, 0) return table.concat(t)", "0123"},
        {"local t = {1, 2, 3} local x = table.remove(t, 1) return x .. table.concat(t)", "123"},
        {"local t = {1, 2, 3} table.remove(t) return table.concat(t)", "12"},
        {"table.remove({})", "nil"},
        {"table.remove({1}, 7)", "!position out of bounds"},
        {"local t = {5, 3, 9, 1, 7} table.sort(t) return table.concat(t)", "13579"},
        {"local t = {'b', 'a', 'C'} table.sort(t) return table.concat(t)", "Cab"},
        {"local t = {5, 3, 9} table.sort(t, function(a, b) return a > b end) "
         "return table.concat(t)",
         "953"},
        {"table.sort({1, 'x'})", "!attempt to compare"},
        {"local t = {3, 1, 2} table.sort(t, function() return true end) return #t", "3"},
        {"local t = {3, 1, 2} table.sort(t, function(a, b) t[1] = nil return a ~= nil and b ~= nil "
         "and a < b end) return type(t)",
         "table"},
        {"local t = {} for i = 1, 100 do t[i] = {k = i % 3, i = i} end "
         "table.sort(t, function(a, b) return a.k < b.k end) "
         "for i = 2, 100 do if t[i].k == t[i-1].k then assert(t[i].i > t[i-1].i) end end return 1",
         "1"},
        {"select('#', table.unpack({1, 2, nil, 4}, 1, 4))", "4"},
        {"table.unpack({}, 1, 1e6)", "!too many results"},
        {"table.unpack({}, math.mininteger, math.maxinteger)", "!too many results"},
        {"table.unpack({}, math.maxinteger, math.maxinteger)", "nil"},
    };
    TRY_ALL(examples);
}

TEST(test_library__counts_days)
{
    static const struct example examples[] = {
        {"date.add('2024-02-29', {years = 1})", "2025-02-28"},
        {"date.add('2026-01-31', {months = -2})", "2025-11-30"},
        {"date.add('2026-01-31', {months = 1, days = 1})", "2026-03-01"},
        {"date.add('2026-01-31', 1)", "2026-02-01"},
        {"date.add('2026-01-01', {weeks = -1})", "2025-12-25"},
        {"date.add('2026-01-31T22:00:00Z', {hours = 3})", "2026-02-01T01:00:00.000Z"},
        {"date.add('2026-01-31T22:00:00.123Z', {months = 1})", "2026-02-28T22:00:00.123Z"},
        {"date.add('2026-01-31', {hours = 3})", "!hours can be added to a time only"},
        {"date.add('2026-01-31', {day = 3})", "!not `day`"},
        {"date.add('2026-01-31', {zz = 3, yy = 1})", "!not `yy`"},
        {"date.add('2026-01-31', {days = 1.5})", "!whole numbers"},
        {"date.add('9999-12-31', 1)", "!out of range"},
        {"date.add('0001-01-01', -1)", "!out of range"},
        {"date.add('2026-02-30', 1)", "!is no date"},
        {"date.add('2026-01-31', {years = 1e7 // 1 | 0})", "!out of range"},
        {"date.add(nil, 1)", "!string expected"},
        {"date.business_days('2026-01-31', 1)", "2026-02-02"},
        {"date.business_days('2026-01-31', -1)", "2026-01-30"},
        {"date.business_days('2026-01-30', 5)", "2026-02-06"},
        {"date.business_days('2026-01-30', 1, {'2026-02-02'})", "2026-02-03"},
        {"date.business_days('2026-01-30', 0)", "2026-01-30"},
        {"date.business_days('2026-01-30', 1e9 // 1 | 0)", "!too many days"},
        {"date.business_days_between('2026-01-30', '2026-01-30')", "0"},
        {"date.business_days_between('2026-01-30', '2026-02-02')", "1"},
        {"date.business_days_between('2026-02-02', '2026-01-30')", "-1"},
        {"date.business_days_between('2026-01-01', '2026-12-31', {'2026-12-25', '2026-12-26'})",
         "259"},
        {"date.days('2026-03-01', '2026-02-01')", "-28"},
        {"date.days('1970-01-02')", "1"},
        {"date(0)", "1970-01-01"},
        {"date(-1.5)", "1969-12-30"},
        {"date(1e300)", "!out of range"},
        {"date(0/0)", "!out of range"},
        {"date.weekday('2026-11-22')", "7"},
        {"date.weekday('0001-01-01')", "1"},
        {"date.is_weekend('2026-11-20')", "false"},
        {"date.start_of_week('2026-11-22')", "2026-11-16"},
        {"date.start_of_week('0001-01-01')", "0001-01-01"},
        {"date.end_of_month('2100-02-01')", "2100-02-28"},
        {"date.of('2026-01-31T23:30:00-02:00')", "2026-02-01"},
        {"date.of(2026, 2, 29)", "!no day of that month"},
        {"date.of(2026, 13, 1)", "!no month"},
        {"date.of(0, 1, 1)", "!no year"},
        {"date.months('2026-01-31', '2026-02-28')", "1"},
        {"date.months('2026-02-28', '2026-01-31')", "-1"},
        {"date.years('2004-02-29', '2025-02-28')", "21"},
        {"date.hours('2026-01-31', '2026-02-01')", "24.0"},
        {"date.format('2026-02-05', '%A %e. %B %Y (%a %b %y %j) %%')",
         "Thursday 5. February 2026 (Thu Feb 26 036) %"},
        {"date.format('2026-02-05T09:08:07Z', '%H:%M:%S')", "09:08:07"},
        {"date.format('2026-02-05', '%Q')", "!not %Q"},
        {"date.format('2026-02-05', '%')", "!a form knows"},
        {"date.parse('31.12.26', '%d.%m.%y')", "2026-12-31"},
        {"date.parse('31.12.69', '%d.%m.%y')", "1969-12-31"},
        {"date.parse('Feb 5, 2026', '%b %d, %Y')", "2026-02-05"},
        {"date.parse('february 5, 2026', '%b %d, %Y')", "2026-02-05"},
        {"date.parse('30.02.2026', '%d.%m.%Y')", "nil"},
        {"date.parse('x', '%d.%m.%Y')", "nil"},
        {"date.parse('5.2.2026x', '%d.%m.%Y')", "nil"},
        {"date.parse('2026-02-05')", "2026-02-05"},
        {"date.parse('2026-02-30')", "nil"},
        {"date.parse('5.2.', '%d.%m.')", "!needs a form with year"},
        {"date.parse('5.2.2026 17:30', '%d.%m.%Y %H:%M')", "2026-02-05T17:30:00.000Z"},
        {"'2026-02-05' < '2026-10-01'", "true"},
    };
    TRY_ALL(examples);
}

TEST(test_library__counts_money)
{
    static const struct example examples[] = {
        {"money(12.5, 'EUR').amount", "13"},
        {"money(-12.5, 'EUR').amount", "-13"},
        {"money(1, 'XYZ')", "!no currency"},
        {"money('x', 'EUR')", "!number expected"},
        {"money(1e30, 'EUR')", "!out of range"},
        {"money(0/0, 'EUR')", "!out of range"},
        {"money(5, 'EUR').currency", "EUR"},
        {"money.add(money(1, 'EUR'), money(1, 'USD'))", "!EUR and USD cannot be mixed"},
        {"money.add(money(math.maxinteger, 'EUR'), money(1, 'EUR'))", "!out of range"},
        {"money.subtract(money(math.mininteger, 'EUR'), money(1, 'EUR'))", "!out of range"},
        {"money.add(7, 7)", "!money expected"},
        {"money.add({}, {})", "!no currency"},
        {"money.add({amount = 1.5, currency = 'EUR'}, {})", "!not whole"},
        {"money.times(money(100, 'EUR'), 0.145).amount", "15"},
        {"money.times(money(-100, 'EUR'), 0.145).amount", "-15"},
        {"money.times(money(1050, 'EUR'), 0.19).amount", "200"},
        {"money.times(money(1, 'EUR'), 0.49999).amount", "0"},
        {"money.times(money(1, 'EUR'), 1e-300).amount", "0"},
        {"money.times(money(1, 'EUR'), 1e18).amount", "1000000000000000000"},
        {"money.times(money(1, 'EUR'), 1e19)", "!out of range"},
        {"money.times(money(math.maxinteger, 'EUR'), 1.0).amount == math.maxinteger", "true"},
        {"money.times(money(math.maxinteger, 'EUR'), math.maxinteger)", "!out of range"},
        {"money.times(money(1, 'EUR'), 1/0)", "!no finite"},
        {"money.times(money(333, 'EUR'), -1).amount", "-333"},
        {"money.times(money(0, 'EUR'), 1e300).amount", "0"},
        {"local s, t = money.share(money(100, 'EUR'), 3), '' for _, m in ipairs(s) do "
         "t = t .. m.amount .. ' ' end return t",
         "34 33 33 "},
        {"local s, t = money.share(money(-100, 'EUR'), {1, 0, 2}), '' for _, m in ipairs(s) do "
         "t = t .. m.amount .. ' ' end return t",
         "-34 0 -66 "},
        {"money.share(money(1, 'EUR'), 0)", "!1 to 1000 parts"},
        {"money.share(money(1, 'EUR'), {0})", "!no weight above 0"},
        {"money.share(money(1, 'EUR'), {-1})", "!weight"},
        {"money.share(money(math.mininteger, 'EUR'), {1000000000, 1000000000})[2].amount",
         "-4611686018427387904"},
        {"money.sum({})", "nil"},
        {"money.sum({money(1, 'EUR'), money(1, 'USD')})", "!cannot be mixed"},
        {"money.format(money(-123456789, 'EUR'), '.', ',')", "-1,234,567.89 EUR"},
        {"money.format(money(5, 'EUR'))", "0.05 EUR"},
        {"money.format(money(123456, 'JPY'), '.', ',')", "123,456 JPY"},
        {"money.format(money(-123, 'BHD'))", "-0.123 BHD"},
        {"money.format(money(math.mininteger, 'JPY'), '.', ',')", "-9,223,372,036,854,775,808 JPY"},
        {"money.parse('1.005', 'EUR')", "nil"},
        {"money.parse('-1.5', 'EUR').amount", "-150"},
        {"money.compare(money(1, 'EUR'), money(1, 'EUR'))", "0"},
    };
    TRY_ALL(examples);
}

TEST(test_library__knows_letters)
{
    static const struct example examples[] = {
        {"text.upper('straße') .. text.lower('ÉLAN') .. text.title('élan vital')",
         "STRAẞEélanÉlan Vital"},
        {"text.upper('\\xFF')", "!no valid UTF-8"},
        {"text.fold('Ünïcode  TEXT')", "unicode text"},
        {"text.trim('\\u{A0} a \\t b\\u{3000}') .. '|'", "a b|"},
        {"text.length('') .. text.length('añb')", "03"},
        {"text.first('añb', 2) .. text.first('x', -1) .. text.first('x', 9)", "añx"},
        {"text.split('a,b,,c', ',')[3] .. '|'", "|"},
        {"#text.split('', ',')", "1"},
        {"table.concat(text.split('a,b,c', ',', 2), '|')", "a|b,c"},
        {"text.split('a', '')", "!is empty"},
        {"text.join({})", ""},
        {"text.join({'a', '', 'b', 3}, ', ')", "a, b, 3"},
        {"text.join({{}})", "!not of a table"},
        {"text.replace('aaa', 'a', 'bb')", "bbbbbb"},
        {"text.replace('a', '', 'b')", "!is empty"},
        {"text.replace('%d%d', '%d', '%1')", "%1%1"},
        {"text.left_pad('é', 3, '.') .. text.right_pad('é', 3)", "..éé  "},
        {"text.left_pad('x', 3, 'ab')", "!not one letter"},
        {"text.left_pad('x', 1001)", "!more than 1000"},
        {"text.is_email('x') or text.is_email(nil) or text.is_email('a@b')", "false"},
        {"table.concat(text.words('Müller & Söhne, 3-4'), '|')", "Müller|Söhne|3|4"},
        {"text.starts('abc', '') and text.ends('abc', 'bc') and not text.ends('bc', 'abc')",
         "true"},
        {"text.contains('', '')", "true"},
    };
    TRY_ALL(examples);
}

TEST(test_library__catches_errors_but_no_end)
{
    static const struct example examples[] = {
        {"pcall(function() error('x') end)", "false"},
        {"while true do pcall(function() while true do end end) end return 1", "!too many steps"},
        {"while true do pcall(string.rep, 'x', -1) end return 1", "!too many steps"},
        {"local t = {} pcall(function() while true do t[#t + 1] = {} end end) return 1", "!memory"},
        {"local function f(n) while true do pcall(f, n + 1) if n > 150 then error('x') end end end "
         "f(1) return 1",
         "!too many steps"},
        {"return pcall(function() local f f = function() return f() + 1 end return f() end)",
         "!memory"},
    };
    TRY_ALL(examples);
}

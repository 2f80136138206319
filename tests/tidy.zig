//! tidy: what the compiler cannot see of the house style: floors, limits of length, banned words.
//!
//! Usage: tidy FOLDER, the project's root; or tidy --self-test. Each offence is printed as
//! `path:line: message`, and any makes the exit code 1. Every run first tests the checks themselves
//! on planted offences, because a check that finds nothing may be one that cannot.
const std = @import("std");

const columns_max = 100;
const file_lines_max = 800;
const function_lines_max = 70;
const file_bytes_max = 4 << 20;
const scope_system_max = 12;

/// The floors of the server, lowest first. Folders of one floor do not see each other.
const floors = [_][]const []const u8{
    &.{"base"},
    &.{"value"},
    &.{ "store", "http", "net" },
    &.{"model"},
    &.{"record"},
    &.{"rules"},
    &.{"access"},
    &.{"work"},
    &.{"api"},
};
/// The runner of Lua is a program of its own and rests on these two alone.
const runner_floor_max = 1;
const runner_folder = "lua/runner/";

/// A library's headers are seen by one folder, so that it can be replaced there.
const Library = struct { header: []const u8, folder: []const u8 };
const libraries = [_]Library{
    .{ .header = "sodium", .folder = "server/base/" },
    .{ .header = "utf8proc.h", .folder = "server/base/" },
    .{ .header = "msgpack", .folder = "server/value/" },
    .{ .header = "jansson.h", .folder = "server/value/" },
    .{ .header = "zip.h", .folder = "server/value/" },
    .{ .header = "expat.h", .folder = "server/value/" },
    .{ .header = "lmdb.h", .folder = "server/store/" },
    .{ .header = "h2o", .folder = "server/http/" },
    .{ .header = "openssl/", .folder = "server/http/" },
    .{ .header = "liboath/", .folder = "server/access/" },
    .{ .header = "curl", .folder = "server/net/" },
    .{ .header = "lua", .folder = runner_folder },
    .{ .header = "lauxlib.h", .folder = runner_folder },
    .{ .header = "seccomp.h", .folder = runner_folder },
};

const Banned = struct { call: []const u8, instead: []const u8 };
const banned_calls = [_]Banned{
    .{ .call = "strcpy", .instead = "arena_copy or buf_put" },
    .{ .call = "strcat", .instead = "buf_put" },
    .{ .call = "sprintf", .instead = "arena_print or buf_print" },
    .{ .call = "vsprintf", .instead = "arena_vprint" },
    .{ .call = "gets", .instead = "read with a bound" },
    .{ .call = "atoi", .instead = "str_to_int64" },
    .{ .call = "atol", .instead = "str_to_int64" },
    .{ .call = "strtok", .instead = "str_cut" },
    .{ .call = "alloca", .instead = "arena_take" },
    .{ .call = "system", .instead = "the system's own call for it" },
};
const allocators = [_][]const u8{ "malloc", "calloc", "realloc", "free", "strdup", "strndup" };

/// In halves, so that this file passes its own check.
const banned_words = [_][]const u8{ "TO" ++ "DO", "FIX" ++ "ME", "XX" ++ "X", "HA" ++ "CK" };

const Offence = struct {
    path: []const u8,
    line: usize,
    message: []const u8,

    fn isBefore(_: void, a: Offence, b: Offence) bool {
        return switch (std.mem.order(u8, a.path, b.path)) {
            .lt => true,
            .gt => false,
            .eq => a.line < b.line,
        };
    }
};

const Tidy = struct {
    arena: std.mem.Allocator,
    offences: std.ArrayList(Offence) = .empty,
    file_count: usize = 0,
    scope_system_count: usize = 0,

    fn add(
        self: *Tidy,
        path: []const u8,
        line: usize,
        comptime format: []const u8,
        arguments: anytype,
    ) !void {
        const message = try std.fmt.allocPrint(self.arena, format, arguments);
        try self.offences.append(self.arena, .{ .path = path, .line = line, .message = message });
    }

    fn checkFile(self: *Tidy, path: []const u8, text: []const u8) !void {
        self.file_count += 1;
        try self.checkLines(path, text);
        if (!isC(path)) return;
        const code = try codeOnly(self.arena, text);
        if (std.mem.endsWith(u8, path, ".h")) try self.checkPragma(path, text);
        try self.checkIncludes(path, text);
        try self.checkNames(path, code);
        try self.checkFunctions(path, code);
    }

    fn checkLines(self: *Tidy, path: []const u8, text: []const u8) !void {
        var lines = std.mem.splitScalar(u8, text, '\n');
        var number: usize = 0;
        while (lines.next()) |line| {
            number += 1;
            const columns = std.unicode.utf8CountCodepoints(line) catch line.len;
            if (columns > columns_max)
                try self.add(path, number, "{d} columns, {d} at most", .{ columns, columns_max });
            for (banned_words) |word| if (hasWord(line, word))
                try self.add(path, number, "{s}: do it or leave it out", .{word});
        }
        const count = if (std.mem.endsWith(u8, text, "\n")) number - 1 else number;
        if (isC(path) and count > file_lines_max)
            try self.add(path, count, "{d} lines, {d} at most", .{ count, file_lines_max });
    }

    fn checkPragma(self: *Tidy, path: []const u8, text: []const u8) !void {
        var lines = std.mem.splitScalar(u8, text, '\n');
        while (lines.next()) |line| if (std.mem.eql(u8, line, "#pragma once")) return;
        try self.add(path, 1, "a header without #pragma once", .{});
    }

    fn checkIncludes(self: *Tidy, path: []const u8, text: []const u8) !void {
        if (!isServer(path) and !isRunner(path)) return;
        var lines = std.mem.splitScalar(u8, text, '\n');
        var number: usize = 0;
        while (lines.next()) |line| {
            number += 1;
            const header = includedHeader(line) orelse continue;
            if (header.is_own) {
                try self.checkFloor(path, number, header.name);
            } else for (libraries) |library| {
                if (!std.mem.startsWith(u8, header.name, library.header)) continue;
                if (std.mem.startsWith(u8, path, library.folder)) continue;
                try self.add(path, number, "{s} is for {s} alone", .{
                    header.name, library.folder,
                });
            }
        }
    }

    fn checkFloor(self: *Tidy, path: []const u8, number: usize, header: []const u8) !void {
        const other_folder = header[0 .. std.mem.indexOfScalar(u8, header, '/') orelse return];
        const other = floorOf(other_folder) orelse {
            if (isRunner(path)) return;
            return self.add(path, number, "{s} is on no floor", .{header});
        };
        if (isRunner(path)) {
            if (other > runner_floor_max)
                try self.add(path, number, "the runner may not include {s}", .{header});
            return;
        }
        const own_folder = serverFolder(path) orelse return;
        const own = floorOf(own_folder) orelse
            return self.add(path, number, "server/{s} is on no floor", .{own_folder});
        if (other > own)
            try self.add(path, number, "{s} may not look up to {s}", .{ own_folder, header });
        if (other == own and !std.mem.eql(u8, own_folder, other_folder))
            try self.add(path, number, "{s} may not look aside to {s}", .{ own_folder, header });
    }

    /// Every identifier of the code: calls that are banned, names that belong to one folder.
    fn checkNames(self: *Tidy, path: []const u8, code: []const u8) !void {
        var number: usize = 1;
        var at: usize = 0;
        while (at < code.len) {
            if (code[at] == '\n') number += 1;
            if (!isNameByte(code[at])) {
                at += 1;
                continue;
            }
            const from = at;
            while (at < code.len and isNameByte(code[at])) at += 1;
            if (!std.ascii.isDigit(code[from])) try self.checkName(path, number, code, from, at);
        }
    }

    fn checkName(
        self: *Tidy,
        path: []const u8,
        number: usize,
        code: []const u8,
        from: usize,
        end: usize,
    ) !void {
        const name = code[from..end];
        const is_ours = isServer(path) or isRunner(path);
        if (std.mem.eql(u8, name, "goto"))
            try self.add(path, number, "goto: split the function", .{});
        if (is_ours and !std.mem.startsWith(u8, path, "server/store/") and
            std.ascii.startsWithIgnoreCase(name, "mdb_"))
            try self.add(path, number, "{s}: LMDB is for server/store/ alone", .{name});

        const is_called = std.mem.startsWith(u8, std.mem.trimStart(u8, code[end..], " \n"), "(");
        const before = std.mem.trimEnd(u8, code[0..from], " \n");
        const is_member = std.mem.endsWith(u8, before, ".") or std.mem.endsWith(u8, before, "->");
        if (!is_called or is_member) return;
        for (banned_calls) |banned| if (std.mem.eql(u8, name, banned.call))
            try self.add(path, number, "{s}: use {s}", .{ name, banned.instead });
        if (is_ours and !std.mem.startsWith(u8, path, "server/base/"))
            for (allocators) |allocator| if (std.mem.eql(u8, name, allocator))
                try self.add(path, number, "{s}: use an arena or memory_take", .{name});
        if (isServer(path) and std.mem.eql(u8, name, "scope_system"))
            try self.countScopeSystem(path, number, code, from);
    }

    /// A use stands inside a function, so its line is indented; what begins a line declares it.
    fn countScopeSystem(
        self: *Tidy,
        path: []const u8,
        number: usize,
        code: []const u8,
        from: usize,
    ) !void {
        const newline = std.mem.lastIndexOfScalar(u8, code[0..from], '\n');
        if (code[if (newline) |at| at + 1 else 0] != ' ') return;
        self.scope_system_count += 1;
        if (self.scope_system_count > scope_system_max)
            try self.add(path, number, "use {d} of scope_system, {d} at most", .{
                self.scope_system_count, scope_system_max,
            });
    }

    /// A function begins at a name in column 0 and ends at a brace alone in column 0.
    fn checkFunctions(self: *Tidy, path: []const u8, code: []const u8) !void {
        var lines = std.mem.splitScalar(u8, code, '\n');
        var number: usize = 0;
        var begin: ?usize = null;
        var is_open = false;
        while (lines.next()) |padded| {
            number += 1;
            const line = std.mem.trimEnd(u8, padded, " ");
            if (line.len == 0) continue;
            if (is_open) {
                if (line[0] != '}') continue;
                const count = number - begin.? + 1;
                if (std.mem.eql(u8, line, "}") and count > function_lines_max)
                    try self.add(path, begin.?, "a function of {d} lines, {d} at most", .{
                        count, function_lines_max,
                    });
                begin = null;
                is_open = false;
                continue;
            }
            if (begin == null and (isNameByte(line[0]) or line[0] == '[')) begin = number;
            if (begin != null and line[line.len - 1] == '{') is_open = true;
            if (begin != null and !is_open and line[line.len - 1] == ';') begin = null;
        }
    }
};

fn isC(path: []const u8) bool {
    return std.mem.endsWith(u8, path, ".c") or std.mem.endsWith(u8, path, ".h");
}

fn isServer(path: []const u8) bool {
    return std.mem.startsWith(u8, path, "server/");
}

fn isRunner(path: []const u8) bool {
    return std.mem.startsWith(u8, path, runner_folder);
}

fn isSource(path: []const u8) bool {
    for ([_][]const u8{ ".c", ".h", ".zig", ".lua", ".ts", ".mjs" }) |ending|
        if (std.mem.endsWith(u8, path, ending)) return true;
    return false;
}

/// `base` of `server/base/str.c`; null for `server/main.c`, which sees all.
fn serverFolder(path: []const u8) ?[]const u8 {
    const rest = path["server/".len..];
    return rest[0 .. std.mem.indexOfScalar(u8, rest, '/') orelse return null];
}

fn floorOf(folder: []const u8) ?usize {
    for (floors, 0..) |folders, floor|
        for (folders) |name| if (std.mem.eql(u8, name, folder)) return floor;
    return null;
}

fn isNameByte(byte: u8) bool {
    return std.ascii.isAlphanumeric(byte) or byte == '_';
}

fn hasWord(line: []const u8, word: []const u8) bool {
    var from: usize = 0;
    while (std.mem.indexOfPos(u8, line, from, word)) |at| : (from = at + 1) {
        const end = at + word.len;
        const is_begun = at > 0 and isNameByte(line[at - 1]);
        if (!is_begun and !(end < line.len and isNameByte(line[end]))) return true;
    }
    return false;
}

const Header = struct { name: []const u8, is_own: bool };

fn includedHeader(line: []const u8) ?Header {
    if (line.len == 0 or line[0] != '#') return null;
    const directive = std.mem.trimStart(u8, line[1..], " ");
    if (!std.mem.startsWith(u8, directive, "include")) return null;
    const quoted = std.mem.trim(u8, directive["include".len..], " ");
    if (quoted.len < 2 or (quoted[0] != '"' and quoted[0] != '<')) return null;
    const end = std.mem.indexOfScalarPos(u8, quoted, 1, if (quoted[0] == '<') '>' else '"') orelse
        return null;
    return .{ .name = quoted[1..end], .is_own = quoted[0] == '"' };
}

/// The C text with comments, strings and characters turned to blanks; lines stay where they are.
fn codeOnly(arena: std.mem.Allocator, text: []const u8) ![]const u8 {
    const code = try arena.dupe(u8, text);
    var at: usize = 0;
    while (at < text.len) {
        const end = switch (text[at]) {
            '/' => endOfComment(text, at),
            '"', '\'' => endOfQuoted(text, at),
            '0'...'9' => {
                at = endOfNumber(text, at);
                continue;
            },
            else => at,
        };
        if (end == at) {
            at += 1;
            while (isNameByte(text[at - 1]) and at < text.len and isNameByte(text[at])) at += 1;
            continue;
        }
        for (code[at..end]) |*byte| if (byte.* != '\n') {
            byte.* = ' ';
        };
        at = end;
    }
    return code;
}

fn endOfComment(text: []const u8, from: usize) usize {
    if (std.mem.startsWith(u8, text[from..], "//"))
        return std.mem.indexOfScalarPos(u8, text, from, '\n') orelse text.len;
    if (!std.mem.startsWith(u8, text[from..], "/*")) return from;
    const end = std.mem.indexOfPos(u8, text, from + 2, "*/") orelse return text.len;
    return end + 2;
}

fn endOfQuoted(text: []const u8, from: usize) usize {
    var at = from + 1;
    while (at < text.len and text[at] != text[from] and text[at] != '\n') : (at += 1) {
        if (text[at] == '\\') at += 1;
    }
    return @min(at + 1, text.len);
}

/// Past a number with its separators, which are no quotes: 20'000'000.
fn endOfNumber(text: []const u8, from: usize) usize {
    var at = from;
    while (at < text.len) : (at += 1) {
        const is_separator = text[at] == '\'' and at + 1 < text.len and isNameByte(text[at + 1]);
        if (!isNameByte(text[at]) and text[at] != '.' and !is_separator) break;
    }
    return at;
}

/// Folders of the root that hold no source of ours: hidden ones, what is installed, what is built.
fn isForeign(path: []const u8) bool {
    if (std.mem.indexOf(u8, path, "node_modules") != null) return true;
    return path[0] == '.' or std.mem.startsWith(u8, path, "zig-out");
}

fn checkTree(tidy: *Tidy, io: std.Io, root: []const u8) !void {
    var dir = try std.Io.Dir.cwd().openDir(io, root, .{ .iterate = true });
    defer dir.close(io);
    var entries = dir.iterate();
    while (try entries.next(io)) |entry| {
        if (isForeign(entry.name)) continue;
        const name = try tidy.arena.dupe(u8, entry.name);
        if (entry.kind == .directory) try checkFolder(tidy, io, dir, name);
        if (entry.kind == .file and isSource(name)) try checkPath(tidy, io, dir, name);
    }
}

fn checkFolder(tidy: *Tidy, io: std.Io, root: std.Io.Dir, folder: []const u8) !void {
    var dir = try root.openDir(io, folder, .{ .iterate = true });
    defer dir.close(io);
    var walker = try dir.walk(tidy.arena);
    defer walker.deinit();
    while (try walker.next(io)) |entry| {
        if (entry.kind != .file or !isSource(entry.basename) or isForeign(entry.path)) continue;
        const path = try std.fmt.allocPrint(tidy.arena, "{s}/{s}", .{ folder, entry.path });
        try checkPath(tidy, io, root, path);
    }
}

fn checkPath(tidy: *Tidy, io: std.Io, root: std.Io.Dir, path: []const u8) !void {
    const text = try root.readFileAlloc(io, path, tidy.arena, .limited(file_bytes_max));
    try tidy.checkFile(path, text);
}

/// One planted file and what must be found in it: nothing, or each of these and nothing else.
const Planted = struct {
    path: []const u8,
    text: []const u8,
    found: []const Found = &.{},
};
const Found = struct { line: usize, words: []const u8 };

const long_body = "    x();\n";
const planted = [_]Planted{
    .{ .path = "server/base/a.c", .text = "// " ++ "ä" ** 97 ++ "\n" },
    .{
        .path = "server/base/a.c",
        .text = "\n// " ++ "ä" ** 98 ++ "\n",
        .found = &.{.{ .line = 2, .words = "101 columns" }},
    },
    .{ .path = "web/a.ts", .text = "x" ** 101, .found = &.{.{ .line = 1, .words = "columns" }} },
    .{ .path = "lua/a.lua", .text = "x" ** 101, .found = &.{.{ .line = 1, .words = "columns" }} },
    .{ .path = "tests/a.mjs", .text = "x" ** 101, .found = &.{.{ .line = 1, .words = "columns" }} },
    .{ .path = "server/base/a.c", .text = "x;\n" ** 800 },
    .{
        .path = "server/base/a.c",
        .text = "x;\n" ** 801,
        .found = &.{.{ .line = 801, .words = "801 lines" }},
    },
    .{ .path = "server/base/a.c", .text = "void f(\n    int a)\n{\n" ++ long_body ** 66 ++ "}\n" },
    .{
        .path = "server/base/a.c",
        .text = "int a;\n\nvoid f(\n    int a)\n{\n" ++ long_body ** 67 ++ "}\n",
        .found = &.{.{ .line = 3, .words = "a function of 71 lines" }},
    },
    .{
        .path = "tests/unit/a.c",
        .text = "TEST(a) {\n" ++ long_body ** 69 ++ "}\n",
        .found = &.{.{ .line = 1, .words = "a function of 71 lines" }},
    },
    .{
        .path = "server/base/a.c",
        .text = "[[noreturn]] void f(void)\n{\n" ++ long_body ** 68 ++ "}\n",
        .found = &.{.{ .line = 1, .words = "a function of 71 lines" }},
    },
    .{ .path = "web/a.ts", .text = "x\n" ** 801 },
    .{ .path = "server/base/a.c", .text = "static int x[] = {\n" ++ "    1,\n" ** 200 ++ "};\n" },
    .{
        .path = "server/base/a.h",
        .text = "/* #pragma once */\nint a;\n",
        .found = &.{.{ .line = 1, .words = "#pragma once" }},
    },
    .{ .path = "server/base/a.h", .text = "/** a */\n#pragma once\n" },
    .{
        .path = "server/store/a.c",
        .text = "#include \"base/a.h\"\n#include \"store/b.h\"\n#include \"model/c.h\"\n",
        .found = &.{.{ .line = 3, .words = "store may not look up to model/c.h" }},
    },
    .{
        .path = "server/store/a.c",
        .text = "#include \"http/a.h\"\n",
        .found = &.{.{ .line = 1, .words = "store may not look aside to http/a.h" }},
    },
    .{
        .path = "server/net/a.c",
        .text = "#include \"store/a.h\"\n",
        .found = &.{.{ .line = 1, .words = "look aside" }},
    },
    .{ .path = "server/record/a.c", .text = "#include \"http/a.h\"\n#include \"net/a.h\"\n" },
    .{
        .path = "server/odd/a.c",
        .text = "#include \"base/a.h\"\n",
        .found = &.{.{ .line = 1, .words = "server/odd is on no floor" }},
    },
    .{
        .path = "server/api/a.c",
        .text = "#include \"odd/a.h\"\n",
        .found = &.{.{ .line = 1, .words = "odd/a.h is on no floor" }},
    },
    .{ .path = "server/main.c", .text = "#include \"api/a.h\"\n#include \"base/a.h\"\n" },
    .{ .path = "tests/unit/base/a.c", .text = "#include \"api/a.h\"\n#include <lmdb.h>\n" },
    .{
        .path = "lua/runner/a.c",
        .text = "#include \"value/a.h\"\n#include \"own.h\"\n#include \"store/a.h\"\n",
        .found = &.{.{ .line = 3, .words = "the runner may not include store/a.h" }},
    },
    .{
        .path = "server/value/a.c",
        .text = "#include <sodium.h>\n# include <utf8proc.h>\n#include <msgpack.h>\n",
        .found = &.{
            .{ .line = 1, .words = "sodium.h is for server/base/ alone" },
            .{ .line = 2, .words = "utf8proc.h is for server/base/ alone" },
        },
    },
    .{
        .path = "server/base/a.c",
        .text = "#include <msgpack.h>\n#include <jansson.h>\n#include <lmdb.h>\n" ++
            "#include <h2o/http1.h>\n#include <openssl/ssl.h>\n#include <curl/curl.h>\n" ++
            "#include <lua.h>\n#include <lauxlib.h>\n#include <seccomp.h>\n#include <stdio.h>\n",
        .found = &.{
            .{ .line = 1, .words = "server/value/ alone" }, .{ .line = 2, .words = "r/value/" },
            .{ .line = 3, .words = "server/store/ alone" }, .{ .line = 4, .words = "server/http/" },
            .{ .line = 5, .words = "server/http/ alone" },  .{ .line = 6, .words = "server/net/" },
            .{ .line = 7, .words = "lua/runner/ alone" },   .{ .line = 8, .words = "lua/runner/" },
            .{ .line = 9, .words = "lua/runner/ alone" },
        },
    },
    .{
        .path = "lua/runner/a.c",
        .text = "#include <sodium.h>\n#include <lualib.h>\n",
        .found = &.{.{ .line = 1, .words = "sodium.h" }},
    },
    .{
        .path = "server/store/a.c",
        .text = "x = malloc(1); y = calloc (1, 1);\nrealloc(x, 2);\n\nfree(x); strdup(s);\n",
        .found = &.{
            .{ .line = 1, .words = "malloc: use an arena" }, .{ .line = 1, .words = "calloc:" },
            .{ .line = 2, .words = "realloc:" },             .{ .line = 4, .words = "free:" },
            .{ .line = 4, .words = "strdup:" },
        },
    },
    .{
        .path = "lua/runner/a.c",
        .text = "free(x);\n",
        .found = &.{.{ .line = 1, .words = "free:" }},
    },
    .{ .path = "server/base/a.c", .text = "malloc(1); free(x);\n" },
    .{
        .path = "server/store/a.c",
        .text = "hooks->free(x); hooks.system(x); my_free(x); free_all(x); f = free;\n",
    },
    .{
        .path = "server/store/a.c",
        .text = "/* malloc(1)\n goto */ // free(x)\n" ++
            "x(\"free(x) \\\" free(x)\", '\"', \"strcpy(a)\");\n",
    },
    .{
        .path = "server/store/a.c",
        .text = "x = 1'2'000; free(x); y = 0xa'b; c = '\\''; free(y);\n",
        .found = &.{ .{ .line = 1, .words = "free:" }, .{ .line = 1, .words = "free:" } },
    },
    .{
        .path = "tests/unit/a.c",
        .text = "strcpy(a, b);\nstrcat(a, b);\nsprintf(a, b);\nvsprintf(a, b);\ngets(a);\n" ++
            "atoi(a);\natol(a);\nstrtok(a, b);\nalloca(1);\nsystem(a);\nsnprintf(a); free(a);\n",
        .found = &.{
            .{ .line = 1, .words = "strcpy: use arena" },   .{ .line = 2, .words = "strcat:" },
            .{ .line = 3, .words = "sprintf: use arena_" }, .{ .line = 4, .words = "vsprintf:" },
            .{ .line = 5, .words = "gets:" },               .{ .line = 6, .words = "atoi:" },
            .{ .line = 7, .words = "atol:" },               .{ .line = 8, .words = "strtok:" },
            .{ .line = 9, .words = "alloca:" },             .{ .line = 10, .words = "system:" },
        },
    },
    .{
        .path = "server/base/a.c",
        .text = "    goto end;\n    x = S(\"goto\"); gotos();\n",
        .found = &.{.{ .line = 1, .words = "goto: split" }},
    },
    .{
        .path = "server/record/a.c",
        .text = "mdb_put(x);\nint y = MDB_APPEND;\nmy_mdb_put(x);\n",
        .found = &.{ .{ .line = 1, .words = "mdb_put" }, .{ .line = 2, .words = "MDB_APPEND" } },
    },
    .{ .path = "server/store/a.c", .text = "mdb_put(x, MDB_APPEND);\n" },
    .{
        .path = "server/base/a.c",
        .text = "// " ++ banned_words[0] ++ ": x\n/* " ++ banned_words[1] ++ " */\n",
        .found = &.{ .{ .line = 1, .words = banned_words[0] }, .{ .line = 2, .words = "do it" } },
    },
    .{
        .path = "web/a.ts",
        .text = "x = \"" ++ banned_words[2] ++ "\";\n// a " ++ banned_words[3] ++ "\n",
        .found = &.{ .{ .line = 1, .words = banned_words[2] }, .{ .line = 2, .words = "do it" } },
    },
    .{ .path = "server/base/a.c", .text = "x = \"atrium-" ++ "XX" ** 3 ++ "\";\n" },
    .{ .path = "server/access/a.c", .text = "struct scope scope_system(int a);\n" ++
        "    x = scope_system(1);\n" ** 12 },
    .{
        .path = "server/access/a.c",
        .text = "struct scope scope_system(int a)\n{\n}\n" ++ "    x = scope_system(1);\n" ** 13,
        .found = &.{.{ .line = 16, .words = "use 13 of scope_system" }},
    },
};

fn isFoundAsPlanted(tidy: *const Tidy, plant: Planted) bool {
    if (tidy.offences.items.len != plant.found.len) return false;
    for (tidy.offences.items, plant.found) |offence, found| {
        if (offence.line != found.line) return false;
        if (std.mem.indexOf(u8, offence.message, found.words) == null) return false;
    }
    return true;
}

fn selfTest(arena: std.mem.Allocator) !void {
    for (planted, 0..) |plant, number| {
        var tidy: Tidy = .{ .arena = arena };
        try tidy.checkFile(plant.path, plant.text);
        std.mem.sort(Offence, tidy.offences.items, {}, Offence.isBefore);
        if (isFoundAsPlanted(&tidy, plant)) continue;
        std.debug.print("tidy is broken: case {d} of its self-test, {d} to find\n", .{
            number, plant.found.len,
        });
        print(&tidy);
        std.process.exit(1);
    }
}

fn print(tidy: *const Tidy) void {
    for (tidy.offences.items) |offence|
        std.debug.print("{s}:{d}: {s}\n", .{ offence.path, offence.line, offence.message });
}

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const arguments = try init.minimal.args.toSlice(arena);
    if (arguments.len != 2) {
        std.debug.print("usage: tidy FOLDER | --self-test\n", .{});
        std.process.exit(1);
    }
    try selfTest(arena);
    if (std.mem.eql(u8, arguments[1], "--self-test")) return;

    var tidy: Tidy = .{ .arena = arena };
    try checkTree(&tidy, init.io, arguments[1]);
    std.mem.sort(Offence, tidy.offences.items, {}, Offence.isBefore);
    print(&tidy);
    if (tidy.file_count == 0) std.debug.print("{s} holds no source\n", .{arguments[1]});
    if (tidy.offences.items.len > 0 or tidy.file_count == 0) std.process.exit(1);
}

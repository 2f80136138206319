//! One way of compiling everything: plain, sanitized, shipped. Programs lie in zig-out/`folder`.
const std = @import("std");
const Build = std.Build;
const LazyPath = Build.LazyPath;
const Step = Build.Step;
const Core = Step.Compile;
const Run = Step.Run;
const Names = []const []const u8;
const Variant = @This();

const flags = "-std=gnu23 -D_GNU_SOURCE -DH2O_USE_LIBUV=0 -I/usr/include/lua5.4 " ++
    "-Wall -Wextra -Wpedantic -Werror -Wshadow -Wvla -Wstrict-prototypes -Wconversion " ++
    "-Wno-sign-conversion -fno-strict-aliasing -fstack-protector-strong";
const asan_flags = flags ++ " -fsanitize=address,fuzzer-no-link -g";
const server_libraries = "h2o-evloop ssl crypto oath lmdb msgpackc sodium utf8proc jansson zip " ++
    "expat pthread m";
const runner_libraries = "lua5.4 seccomp msgpackc sodium utf8proc jansson m";
const runner_folders = "server/base server/value lua/runner";

b: *Build,
target: Build.ResolvedTarget,
filter: []const u8,
folder: []const u8 = ".",
optimize: std.builtin.OptimizeMode = .Debug,
tsan: bool = false,
asan: bool = false, // zig compiles, Debian's clang links its own runtime

fn module(self: Variant, names: Names) *Build.Module {
    const b = self.b;
    const m = b.createModule(.{
        .target = self.target,
        .optimize = self.optimize,
        .link_libc = true,
        .sanitize_thread = self.tsan,
        .sanitize_c = if (self.asan) .off else if (self.optimize == .Debug) .full else .trap,
    });
    for (words(b, "server tests lua")) |folder| m.addIncludePath(b.path(folder));
    const chosen = words(b, if (self.asan) asan_flags else flags);
    var rest: std.ArrayList([]const u8) = .empty;
    for (names) |name| if (embedded(b, name)) |sum| {
        const usual = if (self.asan) asan_flags else flags;
        const more = words(b, b.fmt("{s} -DEMBEDDED={x}", .{ usual, sum }));
        m.addCSourceFile(.{ .file = b.path(name), .flags = more });
    } else rest.append(b.allocator, name) catch @panic("out of memory");
    m.addCSourceFiles(.{ .root = b.path("."), .files = rest.items, .flags = chosen });
    return m;
}

/// A sum of what a C file embeds, or null. The compiler does not name it among what it has read, so
/// that without this word of its own the file would stay as it was compiled before.
fn embedded(b: *Build, name: []const u8) ?u64 {
    const mark = "#embed \"";
    var rest: []const u8 = read(b, name);
    var sum: ?u64 = null;
    while (std.mem.indexOf(u8, rest, mark)) |at| {
        rest = rest[at + mark.len ..];
        const end = std.mem.indexOfScalar(u8, rest, '"') orelse break;
        const path = b.pathJoin(&.{ std.fs.path.dirname(name) orelse ".", rest[0..end] });
        sum = std.hash.Wyhash.hash(sum orelse 0, read(b, path));
    }
    return sum;
}

fn read(b: *Build, path: []const u8) []const u8 {
    const limit: std.Io.Limit = .limited(1 << 24);
    return b.build_root.handle.readFileAlloc(b.graph.io, path, b.allocator, limit) catch
        @panic("a source file cannot be read");
}

/// What is shipped is optimised as a whole when it is linked, and without the compiler's run-time
/// library: its memcpy and memcmp would take the place of libc's, which are several times as fast.
fn shape(self: Variant, made: *Core) void {
    if (self.optimize != .ReleaseSafe) return;
    made.lto = .full;
    made.bundle_compiler_rt = false;
}

/// Every .c file below some folders but main.c.
pub fn core(self: Variant, folders: []const u8) *Core {
    const m = self.module(files(self.b, folders, ".c"));
    const library = self.b.addLibrary(.{ .name = "core", .root_module = m });
    self.shape(library);
    return library;
}

/// One file with main, or a fuzz target, linked with a core.
fn link(self: Variant, file: []const u8, with: *Core, libraries: []const u8) LazyPath {
    const b = self.b;
    const m = self.module(b.dupeStrings(&.{file}));
    const name = std.fs.path.stem(file);
    if (!self.asan) {
        m.linkLibrary(with);
        for (words(b, libraries)) |library|
            m.linkSystemLibrary(library, .{ .use_pkg_config = .no });
        const program = b.addExecutable(.{ .name = name, .root_module = m });
        self.shape(program);
        return program.getEmittedBin();
    }
    const object = b.addObject(.{ .name = name, .root_module = m });
    const is_fuzz = std.mem.startsWith(u8, file, "tests/fuzz");
    const kind = if (is_fuzz) "address,fuzzer" else "address";
    const clang = b.addSystemCommand(&.{ "clang", b.fmt("-fsanitize={s}", .{kind}), "-o" });
    const program = clang.addOutputFileArg(name);
    clang.addFileArg(object.getEmittedBin());
    clang.addFileArg(with.getEmittedBin());
    for (words(b, libraries)) |library| clang.addArg(b.fmt("-l{s}", .{library}));
    return program;
}

/// Server, runner, schema and page.
pub fn install(self: Variant, step: *Step, with: *Core) void {
    const b = self.b;
    var unsanitized = self;
    unsanitized.asan = false;
    const runner_core = unsanitized.core(runner_folders);
    const page = b.addSystemCommand(&.{ "node", "web/build.mjs" });
    inputs(page, "web");
    const main = self.link("server/main.c", with, server_libraries);
    const runner = unsanitized.link("lua/runner/main.c", runner_core, runner_libraries);
    const hostile = unsanitized.link("tests/hostile/runner.c", runner_core, runner_libraries);
    const named = words(b, "atrium atrium-runner atrium-hostile"); // the last one for tests
    for ([_]LazyPath{ main, runner, hostile }, named) |program, name| {
        const is_shipped = self.optimize == .ReleaseSafe;
        if (is_shipped and std.mem.eql(u8, name, "atrium-hostile")) continue;
        const to = b.fmt("{s}/bin/{s}", .{ self.folder, name });
        step.dependOn(&b.addInstallFile(program, to).step);
    }
    const pages = page.addOutputDirectoryArg("web");
    const examples = b.path("lua/examples");
    const shared = [_]LazyPath{ b.path("schema"), b.path("lua/rules"), examples, pages };
    for (shared, words(b, "schema rules examples web")) |from, name| {
        const to = b.fmt("{s}/share/atrium/{s}", .{ self.folder, name });
        const dir: Build.InstallDir = .{ .custom = to };
        const copy: Step.InstallDir.Options = .{
            .source_dir = from,
            .install_dir = dir,
            .install_subdir = "",
        };
        step.dependOn(&b.addInstallDirectory(copy).step);
    }
}

/// A route that the isolation matrix does not know is no build.
pub fn routes(self: Variant, step: *Step) void {
    const b = self.b;
    const compare = b.addSystemCommand(&.{ "node", "tests/isolation/rows.mjs" });
    compare.addFileArg(b.path("server/api/routes.c"));
    for (words(b, "rows routes")) |name|
        compare.addFileInput(b.path(b.fmt("tests/isolation/{s}.mjs", .{name})));
    compare.setName("the isolation matrix knows every route");
    compare.expectExitCode(0);
    step.dependOn(&compare.step);
}

/// Each .c file below these folders is a test program; with seconds it is a fuzz target.
pub fn programs(self: Variant, step: *Step, in: []const u8, with: *Core, seconds: u32) void {
    const b = self.b;
    var runner_core: ?*Core = null;
    for (files(b, in, ".c")) |file| {
        if (std.mem.indexOf(u8, file, self.filter) == null) continue;
        const run = Run.create(b, b.fmt("{s} {s}", .{ self.folder, file }));
        const is_runner = std.mem.indexOf(u8, file, "/runner/") != null; // of the other process
        if (is_runner and runner_core == null) runner_core = self.core(runner_folders);
        const core_of = if (is_runner) runner_core.? else with;
        const libraries = if (is_runner) runner_libraries else server_libraries;
        run.addFileArg(self.link(file, core_of, libraries));
        const is_canary = std.mem.endsWith(u8, file, "canary.c"); // must be found out
        // First what it says: of a check that fails, the first tells all that was said.
        run.addCheck(.{ .expect_stderr_match = if (is_canary) "overflow" else "Done " });
        run.expectExitCode(if (is_canary) 77 else 0);
        if (seconds > 0) run.addArg(b.fmt("-max_total_time={d}", .{seconds}));
        if (seconds > 0) run.addArgs(&.{ "-max_len=4096", "-artifact_prefix=.zig-cache/" });
        self.surround(run);
        step.dependOn(&run.step);
    }
}

/// What a test finds around it.
fn surround(self: Variant, run: *Run) void {
    run.setEnvironmentVariable("TSAN_OPTIONS", "suppressions=tests/tsan.txt");
    inputs(run, "schema tests/golden lua");
    run.step.dependOn(self.b.getInstallStep());
}

/// Through the front door: a real server, real clients, node's own test runner.
pub fn doors(self: Variant, step: *Step, installed: *Step) void {
    const run = self.b.addSystemCommand(&.{ "node", "tests/run.mjs" });
    run.addArg(self.b.fmt("zig-out/{s}/bin/atrium", .{self.folder}));
    run.addArgs(&.{ "tests/api", self.filter });
    self.surround(run);
    run.step.dependOn(installed);
    run.stdio = .inherit;
    run.has_side_effects = true;
    step.dependOn(&run.step);
}

/// The words of a list.
pub fn words(b: *Build, text: []const u8) Names {
    var list: std.ArrayList([]const u8) = .empty;
    var tokens = std.mem.tokenizeScalar(u8, text, ' ');
    while (tokens.next()) |word| list.append(b.allocator, word) catch @panic("out of memory");
    return list.items;
}

/// What a command reads: it runs again when one of these files has changed.
fn inputs(run: *Run, folders: []const u8) void {
    const b = run.step.owner;
    for (files(b, folders, "")) |file| run.addFileInput(b.path(file));
}

/// Every file below `folders` with this ending but main.c, sorted so that builds repeat.
fn files(b: *Build, folders: []const u8, ending: []const u8) Names {
    const io = b.graph.io;
    var list: std.ArrayList([]const u8) = .empty;
    for (words(b, folders)) |folder| {
        var dir = b.build_root.handle.openDir(io, folder, .{ .iterate = true }) catch continue;
        defer dir.close(io);
        var walker = dir.walk(b.allocator) catch @panic("out of memory");
        while (walker.next(io) catch @panic("a source folder cannot be read")) |entry| {
            if (entry.kind != .file or !std.mem.endsWith(u8, entry.basename, ending)) continue;
            if (std.mem.eql(u8, entry.basename, "main.c")) continue;
            const path = b.fmt("{s}/{s}", .{ folder, entry.path });
            list.append(b.allocator, path) catch @panic("out of memory");
        }
    }
    std.mem.sort([]const u8, list.items, {}, is_before);
    return list.items;
}

fn is_before(_: void, a: []const u8, b: []const u8) bool {
    return std.mem.lessThan(u8, a, b);
}

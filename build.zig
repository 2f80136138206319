//! The build: server, runner, page, and every check. `./zigw build --help` lists the steps.
const std = @import("std");
const Compile = std.Build.Step.Compile;
const LazyPath = std.Build.LazyPath;
const Run = std.Build.Step.Run;
const Step = std.Build.Step;

comptime {
    const version = @import("builtin").zig_version_string;
    if (!std.mem.eql(u8, version, "0.16.0")) @compileError("use ./zigw, which brings zig 0.16.0");
}

const flags = [_][]const u8{
    "-std=gnu23",            "-D_GNU_SOURCE",        "-DH2O_USE_LIBUV=0",        "-Wall",
    "-Wextra",               "-Wpedantic",           "-Werror",                  "-Wshadow",
    "-Wvla",                 "-Wstrict-prototypes",  "-Wconversion",             "-Wno-sign-conversion",
    "-I/usr/include/lua5.4", "-fno-strict-aliasing", "-fstack-protector-strong",
};
const asan_flags = flags ++ [_][]const u8{ "-fsanitize=address,fuzzer-no-link", "-g" };
const server_libraries = [_][]const u8{
    "h2o-evloop", "ssl",      "crypto",  "lmdb",    "msgpackc",
    "sodium",     "utf8proc", "jansson", "pthread", "m",
};
const runner_libraries = [_][]const u8{
    "lua5.4", "seccomp", "msgpackc", "sodium", "utf8proc", "jansson", "m",
};
const server = "server";
const runner_folders = [_][]const u8{ "server/base", "server/value", "lua/runner" };

/// One way of compiling everything; its programs lie in zig-out/`folder`.
const Variant = struct {
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    filter: []const u8,
    name: []const u8 = "plain",
    folder: []const u8 = ".",
    optimize: std.builtin.OptimizeMode = .Debug,
    tsan: bool = false,
    asan: bool = false, // zig compiles, Debian's clang links its own runtime

    fn module(self: Variant, folder: []const u8, names: []const []const u8) *std.Build.Module {
        const m = self.b.createModule(.{
            .target = self.target,
            .optimize = self.optimize,
            .link_libc = true,
            .sanitize_thread = self.tsan,
            .sanitize_c = if (self.asan) .off else if (self.optimize == .Debug) .full else .trap,
        });
        m.addIncludePath(self.b.path(server));
        m.addIncludePath(self.b.path("tests"));
        const chosen: []const []const u8 = if (self.asan) &asan_flags else &flags;
        m.addCSourceFiles(.{ .root = self.b.path(folder), .files = names, .flags = chosen });
        return m;
    }

    /// Every .c file below some folders but main.c.
    fn core(self: Variant, folders: []const []const u8) *Compile {
        const m = self.module(folders[0], files(self.b, folders[0], ".c", "main.c"));
        for (folders[1..]) |folder| m.addCSourceFiles(.{
            .root = self.b.path(folder),
            .files = files(self.b, folder, ".c", "main.c"),
            .flags = &flags,
        });
        const name = self.b.fmt("{s}_{s}", .{ std.fs.path.basename(folders[0]), self.name });
        return self.b.addLibrary(.{ .name = name, .root_module = m });
    }

    /// One file with main (or a fuzz target) and the core, as a program.
    fn link(
        self: Variant,
        folder: []const u8,
        file: []const u8,
        with: *Compile,
        libraries: []const []const u8,
        sanitizers: []const u8,
    ) LazyPath {
        const b = self.b;
        const m = self.module(folder, b.dupeStrings(&.{file}));
        const name = std.fs.path.stem(file);
        if (!self.asan) {
            m.linkLibrary(with);
            for (libraries) |library| m.linkSystemLibrary(library, .{ .use_pkg_config = .no });
            return b.addExecutable(.{ .name = name, .root_module = m }).getEmittedBin();
        }
        const object = b.addObject(.{ .name = name, .root_module = m });
        const flag = b.fmt("-fsanitize={s}", .{sanitizers});
        const clang = b.addSystemCommand(&.{ "clang", flag, "-o" });
        const program = clang.addOutputFileArg(name);
        clang.addFileArg(object.getEmittedBin());
        clang.addFileArg(with.getEmittedBin());
        for (libraries) |library| clang.addArg(b.fmt("-l{s}", .{library}));
        return program;
    }

    /// Server, runner, schema and page.
    fn install(self: Variant, step: *Step, with: *Compile) void {
        const b = self.b;
        var plain = self;
        plain.asan = false;
        const main = self.link(server, "main.c", with, &server_libraries, "address");
        const rest = plain.core(&runner_folders);
        const runner = plain.link("lua/runner", "main.c", rest, &runner_libraries, "");
        for ([_]LazyPath{ main, runner }, [_][]const u8{ "atrium", "atrium-runner" }) |program, name|
            step.dependOn(&b.addInstallFile(program, b.fmt("{s}/bin/{s}", .{ self.folder, name })).step);
        const page = b.addSystemCommand(&.{ "node", "web/build.mjs" });
        const page_folder = page.addOutputDirectoryArg("web");
        inputs(page, "web");
        const shared = [_]LazyPath{ b.path("schema"), page_folder };
        for (shared, [_][]const u8{ "schema", "web" }) |from, name|
            step.dependOn(&b.addInstallDirectory(.{
                .source_dir = from,
                .install_dir = .{ .custom = b.fmt("{s}/share/atrium", .{self.folder}) },
                .install_subdir = name,
            }).step);
    }

    /// Each .c file below `folder` is a test program; with seconds it is a fuzz target.
    fn programs(self: Variant, step: *Step, folder: []const u8, with: *Compile, seconds: u32) void {
        const b = self.b;
        for (files(b, folder, ".c", "")) |file| {
            const path = b.fmt("{s}/{s}", .{ folder, file });
            if (std.mem.indexOf(u8, path, self.filter) == null) continue;
            const sanitizers = if (seconds > 0) "address,fuzzer" else "address";
            const run = Run.create(b, b.fmt("{s} {s}", .{ self.name, path }));
            run.addFileArg(self.link(folder, file, with, &server_libraries, sanitizers));
            const is_canary = std.mem.eql(u8, file, "canary.c"); // must be found out
            run.expectExitCode(if (is_canary) 77 else 0);
            const last_words = if (seconds > 0) "Done " else "";
            run.addCheck(.{ .expect_stderr_match = if (is_canary) "overflow" else last_words });
            if (seconds > 0) run.addArg(b.fmt("-max_total_time={d}", .{seconds}));
            if (seconds > 0) run.addArgs(&.{ "-max_len=4096", "-artifact_prefix=.zig-cache/" });
            self.surround(run);
            step.dependOn(&run.step);
        }
    }

    /// What a test finds around it.
    fn surround(self: Variant, run: *Run) void {
        const b = self.b;
        run.setEnvironmentVariable("ATRIUM_RUNNER", b.pathFromRoot("zig-out/bin/atrium-runner"));
        run.setEnvironmentVariable("ATRIUM_SCHEMA", b.pathFromRoot("schema"));
        run.setEnvironmentVariable("PROJECT_ROOT", b.pathFromRoot("."));
        const suppressions = b.pathFromRoot("tests/tsan.txt");
        run.setEnvironmentVariable("TSAN_OPTIONS", b.fmt("suppressions={s}", .{suppressions}));
        for ([_][]const u8{ "schema", "tests/golden", "lua/runner" }) |folder| inputs(run, folder);
        run.step.dependOn(b.getInstallStep());
    }

    /// Through the front door: a real server, real clients, node's own test runner.
    fn doors(self: Variant, step: *Step, installed: *Step) void {
        const binary = self.b.pathFromRoot(self.b.fmt("zig-out/{s}/bin/atrium", .{self.folder}));
        const run = self.b.addSystemCommand(&.{ "node", "tests/run.mjs", binary, "tests/api" });
        run.addArg(self.filter);
        self.surround(run);
        run.step.dependOn(installed);
        run.stdio = .inherit;
        run.has_side_effects = true;
        step.dependOn(&run.step);
    }
};

pub fn build(b: *std.Build) void {
    const run_step = b.step("run", "Build for shipping, make two demo firms once, serve them");
    const test_step = b.step("test", "Tidy, units (also sanitized), front door, a little fuzzing");
    const tidy_step = b.step("tidy", "The floors and the mechanical rules of the house style");
    const fuzz_step = b.step("fuzz", "Fuzz each decoder, and the canary that must be found out");
    const asan_step = b.step("asan", "Units and front door under the address sanitizer");
    const tsan_step = b.step("tsan", "Units and front door under the thread sanitizer");
    const bench_step = b.step("bench", "Measure; print ratios against baselines of the same run");
    const release_step = b.step("release", "The server as it is shipped, in zig-out/release");
    const filter = b.option([]const u8, "filter", "Only tests whose path holds this") orelse "";
    const seconds = b.option(u32, "seconds", "Time of each fuzzer (2)") orelse 2;
    const target = b.standardTargetOptions(.{});

    const plain: Variant = .{ .b = b, .target = target, .filter = filter };
    const plain_core = plain.core(&.{server});
    plain.install(b.getInstallStep(), plain_core);
    plain.programs(test_step, "tests/unit", plain_core, 0);
    plain.doors(test_step, b.getInstallStep());

    var other = plain;
    for ([_][]const u8{ "asan", "tsan" }, [_]*Step{ asan_step, tsan_step }) |name, step| {
        other.name = name;
        other.folder = name;
        other.asan = std.mem.eql(u8, name, "asan");
        other.tsan = !other.asan;
        const core = other.core(&.{server});
        const installed = b.step(b.fmt("install-{s}", .{name}), "Server and runner alone");
        other.install(installed, core);
        other.doors(step, installed);
        other.programs(step, "tests/unit", core, 0);
        if (other.asan) other.programs(fuzz_step, "tests/fuzz", core, seconds);
        if (other.asan) other.programs(test_step, "tests/unit", core, 0);
        if (other.tsan) for ([_][]const u8{ "http", "store", "access" }) |threaded|
            other.programs(test_step, b.fmt("tests/unit/{s}", .{threaded}), core, 0);
    }
    const tidy_source = b.path("tests/tidy.zig");
    const tidy_main = b.createModule(.{ .root_source_file = tidy_source, .target = b.graph.host });
    const tidy = b.addRunArtifact(b.addExecutable(.{ .name = "tidy", .root_module = tidy_main }));
    tidy.addArg(b.pathFromRoot("."));
    tidy.has_side_effects = true;
    tidy_step.dependOn(&tidy.step);
    test_step.dependOn(tidy_step);
    test_step.dependOn(fuzz_step);

    var shipped = plain;
    shipped.name = "shipped";
    shipped.folder = "release";
    shipped.optimize = .ReleaseSafe;
    shipped.install(release_step, shipped.core(&.{server}));
    const binary = b.pathFromRoot("zig-out/release/bin/atrium");
    const run = b.addSystemCommand(&.{binary});
    run.addArgs(b.args orelse &.{ "demo", "--data", "atrium-data" });
    const bench = b.addSystemCommand(&.{ "node", "bench/run.mjs", binary });
    for ([_]*Run{ run, bench }, [_]*Step{ run_step, bench_step }) |command, step| {
        command.step.dependOn(release_step);
        command.stdio = .inherit;
        step.dependOn(&command.step);
    }
}

/// What a command reads: it runs again when one of these files has changed.
fn inputs(run: *Run, folder: []const u8) void {
    const b = run.step.owner;
    for (files(b, folder, "", "")) |file|
        run.addFileInput(b.path(b.fmt("{s}/{s}", .{ folder, file })));
}

const Names = []const []const u8;

/// Every file below `folder` with this ending, sorted so that builds repeat.
fn files(b: *std.Build, folder: []const u8, ending: []const u8, except: []const u8) Names {
    const io = b.graph.io;
    var list: std.ArrayList([]const u8) = .empty;
    var dir = b.build_root.handle.openDir(io, folder, .{ .iterate = true }) catch return &.{};
    defer dir.close(io);
    var walker = dir.walk(b.allocator) catch @panic("out of memory");
    while (walker.next(io) catch @panic("a source folder cannot be read")) |entry| {
        if (entry.kind != .file or !std.mem.endsWith(u8, entry.basename, ending)) continue;
        if (except.len > 0 and std.mem.eql(u8, entry.path, except)) continue;
        list.append(b.allocator, b.dupe(entry.path)) catch @panic("out of memory");
    }
    std.mem.sort([]const u8, list.items, {}, struct {
        fn less(_: void, x: []const u8, y: []const u8) bool {
            return std.mem.lessThan(u8, x, y);
        }
    }.less);
    return list.items;
}

//! The build: server, runner, page, and every check. `./zigw build --help` lists the steps.
const std = @import("std");
const builtin = @import("builtin");

comptime {
    if (!std.mem.eql(u8, builtin.zig_version_string, "0.16.0")) @compileError("use ./zigw, which brings zig 0.16.0");
}

const flags = [_][]const u8{
    "-std=gnu23",           "-D_GNU_SOURCE", "-DH2O_USE_LIBUV=0",
    "-Wall",                "-Wextra",       "-Wpedantic",
    "-Werror",              "-Wshadow",      "-Wvla",
    "-Wstrict-prototypes",  "-Wconversion",  "-Wno-sign-conversion",
    "-fno-strict-aliasing", "-fstack-protector-strong",
};
const server_libraries = [_][]const u8{ "libh2o-evloop", "openssl", "lmdb", "msgpack", "libsodium", "libutf8proc", "jansson" };
const runner_libraries = [_][]const u8{ "lua5.4", "libseccomp", "msgpack", "libsodium", "libutf8proc", "jansson" };

const Build = struct {
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
    tsan: bool,
    filter: []const u8,

    fn module(self: Build, optimize: std.builtin.OptimizeMode) *std.Build.Module {
        const m = self.b.createModule(.{
            .target = self.target,
            .optimize = optimize,
            .link_libc = true,
            .sanitize_thread = self.tsan,
            .sanitize_c = if (optimize == .Debug) .full else .trap,
        });
        m.addIncludePath(self.b.path("server"));
        m.addIncludePath(self.b.path("tests"));
        return m;
    }

    /// Every .c file below some folders as one static library; system libraries are given to executables only.
    fn library(self: Build, name: []const u8, folders: []const []const u8, optimize: std.builtin.OptimizeMode) *std.Build.Step.Compile {
        const m = self.module(optimize);
        for (folders) |folder|
            m.addCSourceFiles(.{ .root = self.b.path(folder), .files = files(self.b, folder, ".c", "main.c"), .flags = &flags });
        return self.b.addLibrary(.{ .name = name, .root_module = m });
    }

    fn program(self: Build, name: []const u8, main: []const u8, core: *std.Build.Step.Compile, libraries: []const []const u8) *std.Build.Step.Compile {
        const m = self.module(core.root_module.optimize.?);
        m.addCSourceFile(.{ .file = self.b.path(main), .flags = &flags });
        m.linkLibrary(core);
        for (libraries) |library_name| m.linkSystemLibrary(library_name, .{});
        return self.b.addExecutable(.{ .name = name, .root_module = m });
    }

    /// Server, runner, schema and page, as they are installed below one folder of zig-out.
    fn install(self: Build, step: *std.Build.Step, folder: []const u8, optimize: std.builtin.OptimizeMode) void {
        const b = self.b;
        const core = self.library("core", &.{"server"}, optimize);
        const runner_core = self.library("runner_core", &.{ "server/base", "server/value", "lua/runner" }, optimize);
        const bin: std.Build.InstallDir = .{ .custom = b.fmt("{s}/bin", .{folder}) };
        for ([_]*std.Build.Step.Compile{
            self.program("atrium", "server/main.c", core, &server_libraries),
            self.program("atrium-runner", "lua/runner/main.c", runner_core, &runner_libraries),
        }) |exe|
            step.dependOn(&b.addInstallArtifact(exe, .{ .dest_dir = .{ .override = bin } }).step);
        step.dependOn(&b.addInstallDirectory(.{
            .source_dir = b.path("schema"),
            .install_dir = .{ .custom = b.fmt("{s}/share/atrium", .{folder}) },
            .install_subdir = "schema",
        }).step);
        const page = b.addSystemCommand(&.{ "node", "web/build.mjs" });
        const page_folder = page.addOutputDirectoryArg("web");
        for (files(b, "web", "", "")) |file| page.addFileInput(b.path(b.fmt("web/{s}", .{file})));
        step.dependOn(&b.addInstallDirectory(.{
            .source_dir = page_folder,
            .install_dir = .{ .custom = b.fmt("{s}/share/atrium", .{folder}) },
            .install_subdir = "web",
        }).step);
    }
};

pub fn build(b: *std.Build) void {
    const run_step = b.step("run", "Build for shipping, make a demo data directory if there is none, serve it");
    const test_step = b.step("test", "Every test: units, the server through its front door, tidy");
    const tidy_step = b.step("tidy", "The floors and the mechanical rules of the house style");
    const fuzz_step = b.step("fuzz", "Fuzz each decoder (-Dseconds=N each), and the canary that must fail");
    const asan_step = b.step("asan", "Unit tests under the address sanitizer");
    const bench_step = b.step("bench", "Measure, and print ratios against baselines of the same run");
    const self: Build = .{
        .b = b,
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
        .tsan = b.option(bool, "tsan", "Thread sanitizer") orelse false,
        .filter = b.option([]const u8, "filter", "Only tests whose path holds this") orelse "",
    };
    const seconds = b.option(u32, "seconds", "Time of each fuzzer") orelse 5;

    self.install(b.getInstallStep(), "", self.optimize);

    self.install(run_step, "release", .ReleaseSafe);
    const run = b.addSystemCommand(&.{b.pathFromRoot("zig-out/release/bin/atrium")});
    run.addArgs(if (b.args) |args| args else &.{ "demo", "--data", "atrium-data" });
    run.step.dependOn(run_step.dependencies.items[0]);
    for (run_step.dependencies.items) |dependency| run.step.dependOn(dependency);
    run_step.dependOn(&run.step);

    test_step.dependOn(tidy_step);
    units(self, test_step);
    doors(self, test_step, "tests/api");
    tidy(self, tidy_step);
    address_sanitizer(self, asan_step, fuzz_step, seconds);
    self.install(bench_step, "release", .ReleaseSafe);
    const bench = b.addSystemCommand(&.{ "node", "bench/run.mjs", b.pathFromRoot("zig-out/release/bin/atrium") });
    for (bench_step.dependencies.items) |dependency| bench.step.dependOn(dependency);
    bench_step.dependOn(&bench.step);
}

/// Each tests/unit/**.c is one executable.
fn units(self: Build, step: *std.Build.Step) void {
    const b = self.b;
    const core = self.library("core", &.{"server"}, self.optimize);
    for (files(b, "tests/unit", ".c", "")) |file| {
        if (std.mem.indexOf(u8, file, self.filter) == null) continue;
        const name = b.fmt("test {s}", .{file});
        const exe = self.program(std.fs.path.stem(file), b.fmt("tests/unit/{s}", .{file}), core, &server_libraries);
        const run = b.addRunArtifact(exe);
        run.setName(name);
        run.expectExitCode(0);
        step.dependOn(&run.step);
    }
}

/// Tests through the front door: a real server, real clients, node's own test runner.
fn doors(self: Build, step: *std.Build.Step, folder: []const u8) void {
    const b = self.b;
    const run = b.addSystemCommand(&.{ "node", "tests/run.mjs", b.pathFromRoot("zig-out/bin/atrium"), folder, self.filter });
    run.step.dependOn(b.getInstallStep());
    run.stdio = .inherit;
    run.has_side_effects = true;
    step.dependOn(&run.step);
}

fn tidy(self: Build, step: *std.Build.Step) void {
    const b = self.b;
    const m = b.createModule(.{ .root_source_file = b.path("tests/tidy.zig"), .target = b.graph.host, .optimize = .Debug });
    const run = b.addRunArtifact(b.addExecutable(.{ .name = "tidy", .root_module = m }));
    run.addDirectoryArg(b.path("."));
    run.has_side_effects = true;
    step.dependOn(&run.step);
}

/// The address sanitizer: zig compiles, Debian's clang links its own runtime.
fn address_sanitizer(self: Build, asan_step: *std.Build.Step, fuzz_step: *std.Build.Step, seconds: u32) void {
    const b = self.b;
    const asan_flags = flags ++ [_][]const u8{ "-fsanitize=address,fuzzer-no-link", "-g" };
    const m = self.module(.Debug);
    m.sanitize_c = .off;
    m.addCSourceFiles(.{ .root = b.path("server"), .files = files(b, "server", ".c", "main.c"), .flags = &asan_flags });
    const core = b.addLibrary(.{ .name = "core_asan", .root_module = m });
    for ([_][]const u8{ "unit", "fuzz" }) |kind| {
        const is_fuzz = std.mem.eql(u8, kind, "fuzz");
        for (files(b, b.fmt("tests/{s}", .{kind}), ".c", "")) |file| {
            if (std.mem.indexOf(u8, file, self.filter) == null) continue;
            const om = self.module(.Debug);
            om.sanitize_c = .off;
            om.addCSourceFile(.{ .file = b.path(b.fmt("tests/{s}/{s}", .{ kind, file })), .flags = &asan_flags });
            const object = b.addObject(.{ .name = std.fs.path.stem(file), .root_module = om });
            const link = b.addSystemCommand(&.{ "clang", if (is_fuzz) "-fsanitize=address,fuzzer" else "-fsanitize=address", "-o" });
            const exe = link.addOutputFileArg(std.fs.path.stem(file));
            link.addFileArg(object.getEmittedBin());
            link.addFileArg(core.getEmittedBin());
            link.addArgs(&.{ "-lh2o-evloop", "-lssl", "-lcrypto", "-llmdb", "-lmsgpackc", "-lsodium", "-lutf8proc", "-ljansson", "-lpthread", "-lm" });
            const run = std.Build.Step.Run.create(b, b.fmt("{s} {s}", .{ kind, file }));
            run.addFileArg(exe);
            if (is_fuzz) run.addArgs(&.{ b.fmt("-max_total_time={d}", .{seconds}), "-max_len=4096", "-verbosity=0", "-rss_limit_mb=1024" });
            run.expectExitCode(if (std.mem.eql(u8, file, "canary.c")) 77 else 0);
            (if (is_fuzz) fuzz_step else asan_step).dependOn(&run.step);
        }
    }
}

/// Every file below `folder` with this ending, sorted so that builds repeat.
fn files(b: *std.Build, folder: []const u8, ending: []const u8, except: []const u8) []const []const u8 {
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

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
    tsan: bool = false,
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
        m.addIncludePath(.{ .cwd_relative = "/usr/include/lua5.4" });
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

    /// Server, runner, schema and page, as they lie below one folder of zig-out.
    fn install(self: Build, step: *std.Build.Step, folder: []const u8, core: *std.Build.Step.Compile) void {
        const b = self.b;
        const optimize = core.root_module.optimize.?;
        const runner_core = self.library(b.fmt("runner_{s}", .{core.name}), &.{ "server/base", "server/value", "lua/runner" }, optimize);
        const bin: std.Build.InstallDir = .{ .custom = b.fmt("{s}/bin", .{folder}) };
        const share: std.Build.InstallDir = .{ .custom = b.fmt("{s}/share/atrium", .{folder}) };
        for ([_]*std.Build.Step.Compile{
            self.program("atrium", "server/main.c", core, &server_libraries),
            self.program("atrium-runner", "lua/runner/main.c", runner_core, &runner_libraries),
        }) |exe|
            step.dependOn(&b.addInstallArtifact(exe, .{ .dest_dir = .{ .override = bin } }).step);
        const page = b.addSystemCommand(&.{ "node", "web/build.mjs" });
        const page_folder = page.addOutputDirectoryArg("web");
        for (files(b, "web", "", "")) |file| page.addFileInput(b.path(b.fmt("web/{s}", .{file})));
        step.dependOn(&b.addInstallDirectory(.{ .source_dir = page_folder, .install_dir = share, .install_subdir = "web" }).step);
        step.dependOn(&b.addInstallDirectory(.{ .source_dir = b.path("schema"), .install_dir = share, .install_subdir = "schema" }).step);
    }
};

pub fn build(b: *std.Build) void {
    const run_step = b.step("run", "Build for shipping, make a demo data directory if there is none, serve it");
    const test_step = b.step("test", "Every check: tidy, units (plain and under both sanitizers), front door, fuzz smoke");
    const tidy_step = b.step("tidy", "The floors and the mechanical rules of the house style");
    const fuzz_step = b.step("fuzz", "Fuzz each decoder (-Dseconds=N each), and the canary that must fail");
    const asan_step = b.step("asan", "Units and the front door under the address sanitizer");
    const tsan_step = b.step("tsan", "Units and the front door under the thread sanitizer");
    const bench_step = b.step("bench", "Measure, and print ratios against baselines of the same run");
    var self: Build = .{
        .b = b,
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
        .filter = b.option([]const u8, "filter", "Only tests whose path holds this") orelse "",
    };
    const seconds = b.option(u32, "seconds", "Time of each fuzzer") orelse 2;

    self.install(b.getInstallStep(), "", self.library("core", &.{"server"}, self.optimize));
    tidy(self, tidy_step);
    units(self, test_step);
    doors(self, test_step, "", b.getInstallStep());
    sanitized(self, asan_step, fuzz_step, seconds);
    test_step.dependOn(tidy_step);
    test_step.dependOn(fuzz_step);

    const release = b.step("release", "The server as it is shipped, in zig-out/release");
    self.install(release, "release", self.library("core_release", &.{"server"}, .ReleaseSafe));
    const run = b.addSystemCommand(&.{b.pathFromRoot("zig-out/release/bin/atrium")});
    run.addArgs(if (b.args) |args| args else &.{ "demo", "--data", "atrium-data" });
    run.step.dependOn(release);
    run_step.dependOn(&run.step);
    const bench = b.addSystemCommand(&.{ "node", "bench/run.mjs", b.pathFromRoot("zig-out/release/bin/atrium") });
    bench.step.dependOn(release);
    bench_step.dependOn(&bench.step);

    self.tsan = true;
    const tsan_install = b.step("install-tsan", "The server under the thread sanitizer, in zig-out/tsan");
    self.install(tsan_install, "tsan", self.library("core_tsan", &.{"server"}, .Debug));
    units(self, tsan_step);
    doors(self, tsan_step, "tsan/", tsan_install);
}

/// Each tests/unit/**.c is one executable.
fn units(self: Build, step: *std.Build.Step) void {
    const b = self.b;
    const core = self.library("core_units", &.{"server"}, self.optimize);
    for (files(b, "tests/unit", ".c", "")) |file| {
        if (std.mem.indexOf(u8, file, self.filter) == null) continue;
        const exe = self.program(std.fs.path.stem(file), b.fmt("tests/unit/{s}", .{file}), core, &server_libraries);
        const run = b.addRunArtifact(exe);
        run.setName(b.fmt("{s} {s}", .{ if (self.tsan) "tsan" else "unit", file }));
        surroundings(self, run);
        run.expectExitCode(0);
        step.dependOn(&run.step);
    }
}

/// What a unit finds around it: the runner and the schema.
fn surroundings(self: Build, run: *std.Build.Step.Run) void {
    const b = self.b;
    run.setEnvironmentVariable("ATRIUM_RUNNER", b.pathFromRoot("zig-out/bin/atrium-runner"));
    run.setEnvironmentVariable("ATRIUM_SCHEMA", b.pathFromRoot("schema"));
    run.setEnvironmentVariable("ATRIUM_ROOT", b.pathFromRoot("."));
    run.setEnvironmentVariable("TSAN_OPTIONS", b.fmt("suppressions={s}", .{b.pathFromRoot("tests/tsan.txt")}));
    for (files(b, "schema", ".lua", "")) |file| run.addFileInput(b.path(b.fmt("schema/{s}", .{file})));
    run.step.dependOn(b.getInstallStep());
}

/// Tests through the front door: a real server, real clients, node's own test runner.
fn doors(self: Build, step: *std.Build.Step, folder: []const u8, installed: *std.Build.Step) void {
    const b = self.b;
    const binary = b.pathFromRoot(b.fmt("zig-out/{s}bin/atrium", .{folder}));
    const run = b.addSystemCommand(&.{ "node", "tests/run.mjs", binary, "tests/api", self.filter });
    surroundings(self, run);
    run.step.dependOn(installed);
    run.stdio = .inherit;
    run.has_side_effects = true;
    step.dependOn(&run.step);
}

fn tidy(self: Build, step: *std.Build.Step) void {
    const b = self.b;
    const m = b.createModule(.{ .root_source_file = b.path("tests/tidy.zig"), .target = b.graph.host, .optimize = .Debug });
    const run = b.addRunArtifact(b.addExecutable(.{ .name = "tidy", .root_module = m }));
    run.addArg(b.pathFromRoot("."));
    run.has_side_effects = true;
    step.dependOn(&run.step);
}

/// The address sanitizer and libFuzzer: zig compiles, Debian's clang links its own runtime.
fn sanitized(self: Build, asan_step: *std.Build.Step, fuzz_step: *std.Build.Step, seconds: u32) void {
    const b = self.b;
    const core = b.addLibrary(.{ .name = "core_asan", .root_module = asan_module(self, "server", files(b, "server", ".c", "main.c")) });
    const server = asan_link(self, "atrium", "server", "main.c", core, "address");
    const install = b.addInstallFile(server, "asan/bin/atrium");
    install.step.dependOn(b.getInstallStep());
    doors(self, asan_step, "asan/", &install.step);
    for ([_][]const u8{ "tests/unit", "tests/fuzz" }) |folder| {
        const is_fuzz = std.mem.eql(u8, folder, "tests/fuzz");
        for (files(b, folder, ".c", "")) |file| {
            if (std.mem.indexOf(u8, file, self.filter) == null) continue;
            const is_canary = std.mem.eql(u8, file, "canary.c");
            const run = std.Build.Step.Run.create(b, b.fmt("{s} {s}", .{ if (is_fuzz) "fuzz" else "asan", file }));
            run.addFileArg(asan_link(self, std.fs.path.stem(file), folder, file, core, if (is_fuzz) "address,fuzzer" else "address"));
            if (is_fuzz) {
                run.addArgs(&.{ b.fmt("-max_total_time={d}", .{seconds}), "-max_len=4096", "-verbosity=0", "-rss_limit_mb=1024" });
                run.addArg(b.fmt("-artifact_prefix={s}/", .{b.cache_root.path orelse "."}));
            }
            surroundings(self, run);
            run.expectExitCode(if (is_canary) canary_exit else 0);
            (if (is_fuzz) fuzz_step else asan_step).dependOn(&run.step);
        }
    }
}

/// What a fuzzer ends with that has found a crash; the canary must.
const canary_exit = 77;

fn asan_module(self: Build, folder: []const u8, names: []const []const u8) *std.Build.Module {
    const m = self.module(.Debug);
    m.sanitize_c = .off;
    m.addCSourceFiles(.{ .root = self.b.path(folder), .files = names, .flags = &(flags ++ [_][]const u8{ "-fsanitize=address,fuzzer-no-link", "-g" }) });
    return m;
}

fn asan_link(self: Build, name: []const u8, folder: []const u8, file: []const u8, core: *std.Build.Step.Compile, sanitizers: []const u8) std.Build.LazyPath {
    const b = self.b;
    const object = b.addObject(.{ .name = name, .root_module = asan_module(self, folder, b.dupeStrings(&.{file})) });
    const link = b.addSystemCommand(&.{ "clang", b.fmt("-fsanitize={s}", .{sanitizers}), "-o" });
    const exe = link.addOutputFileArg(name);
    link.addFileArg(object.getEmittedBin());
    link.addFileArg(core.getEmittedBin());
    link.addArgs(&.{ "-lh2o-evloop", "-lssl", "-lcrypto", "-llmdb", "-lmsgpackc", "-lsodium", "-lutf8proc", "-ljansson", "-lpthread", "-lm" });
    return exe;
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

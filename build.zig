//! The build: server, runner, page, and every check. `./zigw build --help` lists the steps.
const std = @import("std");
const Build = std.Build;
const Step = Build.Step;
const Run = Step.Run;
const Variant = @import("tests/variant.zig");

comptime {
    const version = @import("builtin").zig_version_string;
    if (!std.mem.eql(u8, version, "0.16.0")) @compileError("use ./zigw, which brings zig 0.16.0");
}

pub fn build(b: *Build) void {
    const run_step = b.step("run", "Build for shipping, make two demo firms once, serve them");
    const test_step = b.step("test", "Tidy, units (also sanitized), front door, a little fuzzing");
    const unit_step = b.step("unit", "Units alone, not sanitized");
    const tidy_step = b.step("tidy", "The floors and the mechanical rules of the house style");
    const fuzz_step = b.step("fuzz", "Fuzz each decoder, and the canary that must be found out");
    const asan_step = b.step("asan", "Units and front door under the address sanitizer");
    const tsan_step = b.step("tsan", "Units and front door under the thread sanitizer");
    const bench_step = b.step("bench", "Measure; print ratios against baselines of the same run");
    const release_step = b.step("release", "The server as it is shipped, in zig-out/release");
    const filter = b.option([]const u8, "filter", "Only tests whose path holds this") orelse "";
    const seconds = b.option(u32, "seconds", "Time of each fuzzer (2)") orelse 2;

    const plain: Variant = .{ .b = b, .target = b.standardTargetOptions(.{}), .filter = filter };
    const plain_core = plain.core("server");
    plain.install(b.getInstallStep(), plain_core);
    plain.routes(b.getInstallStep());
    plain.programs(unit_step, "tests/unit", plain_core, 0);
    plain.doors(test_step, b.getInstallStep());

    var other = plain;
    for (Variant.words(b, "asan tsan"), [_]*Step{ asan_step, tsan_step }) |name, step| {
        other.folder = name;
        other.asan = std.mem.eql(u8, name, "asan");
        other.tsan = !other.asan;
        const core = other.core("server");
        const installed = b.step(b.fmt("install-{s}", .{name}), "Server and runner alone");
        other.install(installed, core);
        other.doors(step, installed);
        other.programs(step, "tests/unit", core, 0);
        const threaded = "tests/unit/access tests/unit/http tests/unit/store";
        other.programs(test_step, if (other.asan) "tests/unit" else threaded, core, 0);
        if (other.asan) other.programs(fuzz_step, "tests/fuzz", core, seconds);
    }
    const rules = b.path("tests/tidy.zig");
    const tidy_main = b.createModule(.{ .root_source_file = rules, .target = b.graph.host });
    const tidy = b.addRunArtifact(b.addExecutable(.{ .name = "tidy", .root_module = tidy_main }));
    tidy.addArg(b.pathFromRoot("."));
    tidy.has_side_effects = true;
    tidy_step.dependOn(&tidy.step);
    for ([_]*Step{ unit_step, tidy_step, fuzz_step }) |step| test_step.dependOn(step);

    var shipped = plain;
    shipped.folder = "release";
    shipped.optimize = .ReleaseSafe;
    shipped.install(release_step, shipped.core("server"));
    const binary = "zig-out/release/bin/atrium";
    const run = b.addSystemCommand(&.{binary});
    run.addArgs(b.args orelse &.{ "demo", "--data", "atrium-data" });
    const bench = b.addSystemCommand(&.{ "node", "bench/run.mjs", binary });
    for ([_]*Run{ run, bench }, [_]*Step{ run_step, bench_step }) |command, step| {
        command.stdio = .inherit;
        command.step.dependOn(release_step);
        step.dependOn(&command.step);
    }
}

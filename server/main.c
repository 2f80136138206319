/** atrium: the command line; the only file that knows all floors.
 *
 *  A command runs on a data directory that is opened here, or, when a server holds it, in that
 *  server: its words go over the control socket with the caller's own terminal. Parsing, help and
 *  errors come from tables of commands, its own and work/commands.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "access/audit.h"
#include "access/tenant.h"
#include "access/tenant_life.h"
#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"
#include "base/supervise.h"
#include "rules/formulas.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "store/control.h"
#include "work/catalog.h"
#include "work/command.h"
#include "work/demo.h"
#include "work/import_files.h"
#include "work/job_build.h"
#include "work/mail_outbox.h"
#include "work/passphrase.h"
#include "work/rule_outbox.h"

constexpr size_t SERVER_ARENA_BYTES_MAX = 256 * MIB; /** what lives as long as the process */
constexpr size_t COMMAND_ARENA_BYTES_MAX =
    256 * MIB; /** of one command; a check of many tenants names each */
constexpr uint32_t OPEN_TRIES_MAX = 5;
constexpr long OPEN_WAIT_NS = 200'000'000;
constexpr int64_t OUTBOX_ROUND_MS = 60'000;
constexpr uint16_t PORT_USUAL = 8080; /** of the addresses shown when no server is asked */

extern char **environ;

/** A data directory opened by this process. */
struct opened {
    struct arena arena;
    struct task task;
    struct command_place place;
    struct runners *runners;
    struct formula_asker *formulas;
    struct models *models;
    struct traces *traces;
    struct rules *rules;
    str builtin; /** the built-in rules as the runner has read them */
};

struct server {
    struct opened opened;
    const struct arguments *arguments;
    struct jobs *jobs;
    struct outbox *outbox;
    struct api *api;
    struct control *control;
    struct web_address web;
    atomic_bool is_stopping; /** for commands of other processes that take long */
};

/* Where things lie. */

static str folder_of(str path)
{
    while (path.len > 1 && path.at[path.len - 1] != '/') path.len--;
    return path.len > 1 ? str_first(path, path.len - 1) : path;
}

static str program_folder(struct arena *arena)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path);
    if (len <= 0 || (size_t)len == sizeof path) return S(".");
    return arena_copy(arena, folder_of((str){path, (size_t)len}));
}

static str runner_of(struct arena *arena, const struct arguments *arguments)
{
    if (arguments_has(arguments, FLAG_RUNNER)) return arguments->values[FLAG_RUNNER];
    str folder = program_folder(arena);
    return arena_print(arena, "%.*s/atrium-runner", FMT(folder));
}

static str share_of(struct arena *arena, const char *name)
{
    str folder = program_folder(arena);
    return arena_print(arena, "%.*s/../share/atrium/%s", FMT(folder), name);
}

static str schema_of(struct arena *arena, const struct arguments *arguments)
{
    if (arguments_has(arguments, FLAG_SCHEMA)) return arguments->values[FLAG_SCHEMA];
    return share_of(arena, "schema");
}

static str rules_of(struct arena *arena, const struct arguments *arguments)
{
    if (arguments_has(arguments, FLAG_RULES)) return arguments->values[FLAG_RULES];
    return share_of(arena, "rules");
}

/** On the committer's thread, when nobody can tell whether the last commit is on the disk: only a
 *  fresh look at it can, by a process that never had it open. */
static void start_anew(str reason)
{
    log_error("store", "the disk failed in a commit (%.*s): starting anew", FMT(reason));
    _exit(SUPERVISE_AGAIN);
}

/* Opening. */

static void opened_drop(struct opened *opened)
{
    if (opened->traces != nullptr) traces_close(opened->traces);
    audit_settle(&opened->place.access);
    if (opened->place.access.store != nullptr) store_close(opened->place.access.store);
    if (opened->place.access.audit != nullptr) audit_drop(opened->place.access.audit);
    /* Until then a lane may be asking. */
    if (opened->formulas != nullptr) formulas_close(opened->formulas);
    if (opened->runners != nullptr) runners_close(opened->runners);
    arena_drop(&opened->arena);
    /* What the arena held has let go of both. */
    if (opened->rules != nullptr) rules_close(opened->rules);
    if (opened->models != nullptr) models_close(opened->models);
}

static enum err open_rules(struct opened *opened, const struct arguments *arguments)
{
    struct task *task = &opened->task;
    struct access *access = &opened->place.access;
    opened->runners = runners_open(runner_of(&opened->arena, arguments));
    if (opened->runners == nullptr)
        return fail(task, ERR_SYSTEM, "no thread can be started for the runners");
    opened->formulas = formulas_open(opened->runners);
    opened->traces = traces_open(access->store, access->model);
    if (opened->traces == nullptr)
        return fail(task, ERR_SYSTEM, "no thread can be started for the traces of rules");
    const struct rules_options options = {
        .runners = opened->runners,
        .formulas = formulas_slot(opened->formulas),
        .model = access->model,
        .builtin = opened->builtin,
        .traces = opened->traces,
    };
    TRY(rules_open(task, &options, &opened->rules));
    opened->place.hooks = rules_hooks(opened->rules);
    opened->place.rules = opened->rules;
    return ERR_NONE;
}

static enum err model_open(struct opened *opened, const struct arguments *arguments)
{
    struct task *task = &opened->task;
    struct arena *arena = &opened->arena;
    struct access *access = &opened->place.access;
    str schema;
    TRY(model_read_schema(task, runner_of(arena, arguments), schema_of(arena, arguments), arena,
                          &schema));
    TRY(model_make(task, arena, schema, &access->model));
    TRY(model_read_rules(task, runner_of(arena, arguments), rules_of(arena, arguments), arena,
                         &opened->builtin));
    TRY(access_fits_model(task, access->model));
    struct models_options models = {access->model, schema, build_queue};
    TRY(models_open(task, &models, &opened->models));
    access->model = models_base(opened->models);
    TRY(open_rules(opened, arguments));
    return catalog_keep(task, access);
}

static enum err place_open(struct opened *opened, const struct arguments *arguments,
                           enum command_needs needs, bool may_make)
{
    arena_init(&opened->arena, SERVER_ARENA_BYTES_MAX);
    task_init(&opened->task, &opened->arena);
    str domain = arguments->values[FLAG_DOMAIN];
    opened->place = (struct command_place){
        .task = &opened->task,
        .access = {.domain = domain.len > 0 ? domain : S("localhost"),
                   .limits =
                       {
                           .session_idle_ms = arguments_number(arguments, FLAG_SESSION_IDLE_MS),
                           .session_age_ms = arguments_number(arguments, FLAG_SESSION_AGE_MS),
                           .proof_ms = arguments_number(arguments, FLAG_PROOF_MS),
                       }},
        .scheme = S("http"),
        .port = PORT_USUAL,
    };
    struct passphrase_asking asking;
    struct store_options options = {
        .folder = arguments->values[FLAG_DATA],
        .passphrase = passphrase_of(&asking, arguments),
        .must_exist = !may_make,
        .broken = needs == NEEDS_NOTHING ? start_anew : nullptr,
    };
    enum err err = store_open(&opened->task, &options, &opened->place.access.store);
    passphrase_forget(&asking);
    TRY(err);
    opened->place.access.audit = audit_make();
    TRY(tenants_sweep(&opened->task, &opened->place.access));
    TRY(mail_folders_sweep(&opened->task, &opened->place.access));
    return needs == NEEDS_STORE ? ERR_NONE : model_open(opened, arguments);
}

/* A command of another process. */

constexpr uint32_t COMMANDS_MAX = 64;
static struct command commands[COMMANDS_MAX]; /** filled at the start, then constant */
static uint32_t command_count;

/** The server's own place, with a task for one command. */
static int run_call(void *owner, const struct control_call *call)
{
    const struct server *server = owner;
    struct console console = {
        .out = call->out, .err = call->err, .file = call->file, .rows = call->in};
    struct arena arena;
    struct task task;
    struct arguments arguments;
    arena_init(&arena, COMMAND_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    struct command_place place = server->opened.place;
    place.task = &task;
    place.is_stopping = &server->is_stopping;
    int status;
    if (!arguments_read(&task, commands, command_count, call->words, call->word_count,
                        &arguments) ||
        arguments.command->needs == NEEDS_NOTHING)
        status =
            console_complain(&console, "the server that holds the data does not know this command");
    else status = arguments.command->run(&place, &arguments, &console);
    arena_drop(&arena);
    return status;
}

static enum err ask_owner(struct task *task, const struct arguments *arguments,
                          const struct console *console, int *status_out)
{
    struct control_call call = {
        .in = console->rows >= 0 ? console->rows : STDIN_FILENO,
        .out = console->out,
        .err = console->err,
        .file = console->file,
    };
    if (!arguments_write(task, arguments, call.words, CONTROL_WORDS_MAX, &call.word_count))
        return fail(task, ERR_TOO_LARGE, "too many settings for the server that holds the data");
    return control_ask(task, arguments->values[FLAG_DATA], &call, status_out);
}

static int run_here(const struct arguments *arguments, struct console *console, enum err *err_out)
{
    struct opened opened = {};
    bool may_make = arguments->command->run == command_tenant_create ||
                    arguments->command->run == command_tenant_import;
    if (arguments->command->run == command_check) command_check_alone();
    *err_out = place_open(&opened, arguments, arguments->command->needs, may_make);
    /* Once the store is open its owner is this process. */
    bool is_elsewhere = *err_out == ERR_CONFLICT && opened.place.access.store == nullptr &&
                        store_is_owned(arguments->values[FLAG_DATA]);
    int status = 1;
    if (*err_out == ERR_NONE) {
        status = arguments->command->run(&opened.place, arguments, console);
    } else if (!is_elsewhere) {
        status = console_fail(console, &opened.task, *err_out);
        *err_out = ERR_NONE;
    }
    opened_drop(&opened);
    return status;
}

/** In the server that holds the data, else here; the owner may come or go meanwhile. */
static int run_anywhere(struct task *task, const struct arguments *arguments,
                        struct console *console)
{
    for (uint32_t tries = 0; tries < OPEN_TRIES_MAX; tries++) {
        int status;
        if (store_is_owned(arguments->values[FLAG_DATA])) {
            enum err err = ask_owner(task, arguments, console, &status);
            if (err == ERR_NONE) return status;
            if (err != ERR_MISSING) return console_fail(console, task, err);
            task_fault_clear(task);
        }
        enum err err;
        status = run_here(arguments, console, &err);
        if (err == ERR_NONE) return status;
        (void)nanosleep(&(struct timespec){.tv_nsec = OPEN_WAIT_NS}, nullptr);
    }
    return console_complain(console, "%.*s is held by another command that is still at work",
                            FMT(arguments->values[FLAG_DATA]));
}

/* serve */

static struct http_options http_options_of(const struct arguments *arguments)
{
    str http = arguments->values[FLAG_HTTP];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t threads = arguments_number(arguments, FLAG_THREADS);
    return (struct http_options){
        .http = str_eq(http, S("off")) ? S("") : http,
        .https = arguments->values[FLAG_HTTPS],
        .tls_certificate = arguments->values[FLAG_TLS_CERT],
        .tls_key = arguments->values[FLAG_TLS_KEY],
        .admin = arguments->values[FLAG_ADMIN],
        .behind_proxy = arguments->values[FLAG_BEHIND_PROXY],
        .threads = (uint32_t)(threads > 0 ? threads
                              : cores > 0 ? cores
                                          : 1),
        .rate = (uint32_t)arguments_number(arguments, FLAG_RATE),
        .limits =
            {
                .request_ms = arguments_number(arguments, FLAG_REQUEST_MS),
                .stall_ms = arguments_number(arguments, FLAG_STALL_MS),
                .idle_ms = arguments_number(arguments, FLAG_IDLE_MS),
                .stop_ms = arguments_number(arguments, FLAG_STOP_MS),
                .connections = (uint32_t)arguments_number(arguments, FLAG_CONNECTIONS),
                .connections_per_address =
                    (uint32_t)arguments_number(arguments, FLAG_CONNECTIONS_PER_ADDRESS),
                .connection_rate = (uint32_t)arguments_number(arguments, FLAG_CONNECTION_RATE),
                .held_bytes = (uint64_t)arguments_number(arguments, FLAG_HELD_BYTES),
                .connection_requests =
                    (uint32_t)arguments_number(arguments, FLAG_CONNECTION_REQUESTS),
                .connection_aborts = (uint32_t)arguments_number(arguments, FLAG_CONNECTION_ABORTS),
                .connection_tasks = (uint32_t)arguments_number(arguments, FLAG_CONNECTION_TASKS),
                .tasks = (uint32_t)arguments_number(arguments, FLAG_TASKS),
            },
    };
}

/** ADDR:PORT with the port that was bound. */
static void show_listener(const struct server *server, const struct console *console, str address,
                          int which, const char *before, const char *behind)
{
    if (address.len == 0) return;
    size_t len = address.len;
    while (len > 0 && address.at[len - 1] != ':') len--;
    console_print(console, "listening on %s%.*s%u%s\n", before, FMT(str_first(address, len)),
                  http_port(api_http(server->api), which), behind);
}

/** How tenants are reached from outside, for the addresses that commands and mails show. Before
 *  there is any thread: what goes on from an earlier life may at once mail a link. */
static void note_address(struct server *server, const struct http_options *http)
{
    struct command_place *place = &server->opened.place;
    bool is_tls = http->https.len > 0;
    place->scheme = is_tls || http->behind_proxy.len > 0 ? S("https") : S("http");
    place->port = http->sockets->ports[is_tls ? 1 : 0];
    if (http->behind_proxy.len > 0) place->port = 0;
    server->web.scheme = place->scheme;
    atomic_store(&server->web.port, place->port);
    place->access.web = &server->web;
}

static void check_after_failure(struct server *server, const struct supervised_life *life)
{
    if (!life->is_after_failure) return;
    struct console console = {.out = STDERR_FILENO, .err = STDERR_FILENO, .file = -1, .rows = -1};
    log_warning("store", "started anew after a failure of the disk; checking the data");
    int status = command_check(&server->opened.place, server->arguments, &console);
    if (status == 0) log_info("store", "the data holds");
    else log_error("store", "the check found faults; see above");
    task_fault_clear(&server->opened.task);
}

static struct feed_limits feed_limits_of(const struct arguments *arguments)
{
    return (struct feed_limits){
        .streams = (uint32_t)arguments_number(arguments, FLAG_EVENT_STREAMS),
        .keep_alive_ms = arguments_number(arguments, FLAG_KEEP_ALIVE_MS),
    };
}

/** What authors of rules read. */
static enum err rule_texts_read(struct server *server, struct rule_texts *texts_out)
{
    struct task *task = &server->opened.task;
    struct arena *arena = &server->opened.arena;
    str runner = runner_of(arena, server->arguments);
    TRY(model_read_reference(task, runner, arena, &texts_out->names));
    return model_read_rules(task, runner, share_of(arena, "examples"), arena, &texts_out->examples);
}

static enum err server_listen(struct server *server, const struct http_options *http)
{
    struct task *task = &server->opened.task;
    struct arena *arena = &server->opened.arena;
    str page_folder = share_of(arena, "web");
    bool has_page = access(arena_cstring(arena, page_folder), R_OK | X_OK) == 0;
    struct api_options options = {
        .access = &server->opened.place.access,
        .hooks = server->opened.place.hooks,
        .rules = server->opened.rules,
        .jobs = server->jobs,
        .http = *http,
        .feed = feed_limits_of(server->arguments),
        .page_folder = has_page ? page_folder : S(""),
    };
    TRY(rule_texts_read(server, &options.rule_texts));
    TRY(api_open(task, &options, &server->api));
    return control_open(task, server->opened.place.access.store,
                        server->arguments->values[FLAG_DATA], run_call, server, &server->control);
}

static enum err server_work(struct server *server)
{
    struct command_place *place = &server->opened.place;
    struct jobs_options options = jobs_options_usual(&place->access, place->hooks);
    options.rules = server->opened.rules;
    TRY(jobs_open(&server->opened.task, &options, &server->jobs));
    place->jobs = server->jobs;
    struct rule_work *rules = arena_new(&server->opened.arena, struct rule_work, 1);
    *rules = (struct rule_work){
        .access = &place->access,
        .hooks = place->hooks,
        .rules = server->opened.rules,
        .jobs = server->jobs,
        .mail_folder = arena_print(&server->opened.arena, "%.*s/mail",
                                   FMT(server->arguments->values[FLAG_DATA])),
    };
    uint32_t kind_count = 0;
    struct outbox_kind *kinds =
        arena_new(&server->opened.arena, struct outbox_kind, rule_outbox_kind_count + 1);
    for (; kind_count < rule_outbox_kind_count; kind_count++)
        kinds[kind_count] = rule_outbox_kinds[kind_count];
    if (str_eq(server->arguments->values[FLAG_MAIL], S("files")))
        kinds[kind_count++] = (struct outbox_kind){S("mail"), mail_run};
    struct outbox_options outbox = {
        .access = &place->access,
        .owner = rules,
        .kinds = kinds,
        .kind_count = kind_count,
        .jobs = server->jobs,
        .round_ms = OUTBOX_ROUND_MS,
        .each_round = rule_round,
    };
    return outbox_open(&server->opened.task, &outbox, &server->outbox);
}

static void show_listeners(const struct server *server, const struct http_options *http,
                           const struct console *console)
{
    show_listener(server, console, http->http, 0, "http://", "");
    show_listener(server, console, http->https, 1, "https://", "");
    show_listener(server, console, http->admin, 2, "http://", " (operator)");
}

/** Until a signal ends it. */
static void server_wait(struct server *server, const sigset_t *signals)
{
    for (;;) {
        int signal = sigwaitinfo(signals, nullptr);
        if (signal < 0) continue;
        if (signal != SIGHUP) {
            log_info("serve", "stopping: what was taken is finished");
            return;
        }
        struct arena arena;
        struct task task;
        arena_init(&arena, TASK_ARENA_BYTES_MAX);
        task_init(&task, &arena);
        enum err err = http_reload(&task, api_http(server->api));
        if (err == ERR_NONE) log_info("serve", "certificates were read again");
        else log_error("serve", "certificates stay as they were: %.*s", FMT(task.fault.detail));
        arena_drop(&arena);
    }
}

static void server_close(struct server *server)
{
    atomic_store(&server->is_stopping, true);
    if (server->control != nullptr) control_close(server->control);
    if (server->api != nullptr) api_close(server->api);
    if (server->outbox != nullptr) outbox_close(server->outbox);
    if (server->jobs != nullptr) jobs_close(server->jobs);
    opened_drop(&server->opened);
}

static void signals_block(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGTERM);
    (void)sigaddset(signals, SIGINT);
    (void)sigaddset(signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, signals, nullptr);
}

static void limits_set(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    /* A core would hold the tenants' keys. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static enum err demo_prepare(struct server *server, bool is_demo)
{
    if (!is_demo) return ERR_NONE;
    struct arena *arena = &server->opened.arena;
    str schema = schema_of(arena, server->arguments);
    return demo_make(&server->opened.place, arena_print(arena, "%.*s/demo", FMT(schema)));
}

static enum err demo_tell(struct server *server, bool is_demo, const struct console *console)
{
    if (!is_demo) return ERR_NONE;
    struct arena *arena = &server->opened.arena;
    str schema = schema_of(arena, server->arguments);
    return demo_show(&server->opened.place, arena_print(arena, "%.*s/demo", FMT(schema)), console);
}

/** One life of the server, in its own process. */
static int serve_once(const struct arguments *arguments, const struct console *console,
                      struct http_options http, const struct supervised_life *life, bool is_demo)
{
    struct server server = {.arguments = arguments};
    sigset_t signals;
    signals_block(&signals);
    enum err err = place_open(&server.opened, arguments, NEEDS_NOTHING, true);
    if (err == ERR_NONE) err = demo_prepare(&server, is_demo);
    if (err == ERR_NONE) check_after_failure(&server, life);
    if (err == ERR_NONE) note_address(&server, &http);
    if (err == ERR_NONE) err = server_work(&server);
    if (err == ERR_NONE) err = server_listen(&server, &http);
    if (err == ERR_NONE) err = demo_tell(&server, is_demo, console);
    int status = 0;
    if (err == ERR_NONE) {
        show_listeners(&server, &http, console);
        server_wait(&server, &signals);
    } else {
        status = console_fail(console, &server.opened.task, err);
    }
    server_close(&server);
    return status;
}

static void stop_listening(void *sockets)
{
    http_unbind(sockets);
}

/** What belongs together is given together: ERR_INVALID otherwise. */
static enum err judge_words(struct task *task, const struct arguments *arguments,
                            const struct http_options *http)
{
    bool has_key = http->tls_certificate.len > 0 && http->tls_key.len > 0;
    str domain = arguments->values[FLAG_DOMAIN];
    if (http->https.len > 0 && !has_key)
        return fail(task, ERR_INVALID, "--https needs --tls-cert FILE and --tls-key FILE");
    if (!host_is_domain(domain))
        return fail(task, ERR_INVALID,
                    "--domain takes a host name in lower case, such as example.com, not `%.*s`",
                    FMT(domain));
    return ERR_NONE;
}

/** This process holds the sockets and watches the one that serves. */
static int serve(const struct arguments *arguments, const struct console *console, bool is_demo)
{
    static struct http_sockets sockets;
    struct http_options http = http_options_of(arguments);
    struct supervised_life life;
    struct arena arena;
    struct task task;
    int status;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    limits_set();
    enum err err = judge_words(&task, arguments, &http);
    if (err == ERR_NONE) err = http_bind(&task, &http, &sockets);
    if (err != ERR_NONE) {
        status = console_fail(console, &task, err);
        if (err == ERR_INVALID) status = STATUS_USAGE;
    } else if (supervise(stop_listening, &sockets, &life, &status)) {
        http.sockets = &sockets;
        status = serve_once(arguments, console, http, &life, is_demo);
    }
    http_unbind(&sockets);
    arena_drop(&arena);
    return status;
}

static int command_serve([[maybe_unused]] struct command_place *place,
                         const struct arguments *arguments, struct console *console)
{
    return serve(arguments, console, false);
}

static int command_demo([[maybe_unused]] struct command_place *place,
                        const struct arguments *arguments, struct console *console)
{
    return serve(arguments, console, true);
}

/* The commands that only this file can run; the others stand in work/commands.c. */

#define FLAGS_SERVE \
    (FLAGS_MODEL | FLAG_BIT(HTTP) | FLAG_BIT(HTTPS) | FLAG_BIT(TLS_CERT) | FLAG_BIT(TLS_KEY) | \
     FLAG_BIT(ADMIN) | FLAG_BIT(DOMAIN) | FLAG_BIT(BEHIND_PROXY) | FLAG_BIT(THREADS) | \
     FLAG_BIT(RATE) | FLAG_BIT(CONNECTIONS) | FLAG_BIT(CONNECTIONS_PER_ADDRESS) | \
     FLAG_BIT(CONNECTION_RATE) | FLAG_BIT(HELD_BYTES) | FLAG_BIT(CONNECTION_REQUESTS) | \
     FLAG_BIT(CONNECTION_ABORTS) | FLAG_BIT(CONNECTION_TASKS) | FLAG_BIT(TASKS) | \
     FLAG_BIT(REQUEST_MS) | FLAG_BIT(STALL_MS) | FLAG_BIT(IDLE_MS) | FLAG_BIT(STOP_MS) | \
     FLAG_BIT(EVENT_STREAMS) | FLAG_BIT(KEEP_ALIVE_MS) | FLAG_BIT(SESSION_IDLE_MS) | \
     FLAG_BIT(SESSION_AGE_MS) | FLAG_BIT(PROOF_MS) | FLAG_BIT(MAIL))

static const struct command own_commands[] = {
    {
        .name = "serve",
        .summary = "answer requests for the tenants of a data directory",
        .flags = FLAGS_SERVE,
        .flags_needed = FLAG_BIT(DATA),
        .has_limits = true,
        .run = command_serve,
    },
    {
        .name = "demo",
        .summary = "serve two made-up firms; they are made if the directory is new",
        .flags = FLAGS_SERVE,
        .flags_needed = FLAG_BIT(DATA),
        .has_limits = true,
        .run = command_demo,
    },
};
constexpr uint32_t OWN_COMMANDS = sizeof own_commands / sizeof own_commands[0];

static void commands_gather(void)
{
    require(OWN_COMMANDS + data_command_count <= COMMANDS_MAX);
    for (uint32_t at = 0; at < OWN_COMMANDS; at++) commands[command_count++] = own_commands[at];
    for (uint32_t at = 0; at < data_command_count; at++)
        commands[command_count++] = data_commands[at];
}

/** The owner of the data directory has a working directory of its own. */
static void make_absolute(struct arena *arena, str *path)
{
    char folder[4096];
    if (path->len == 0 || path->at[0] == '/' || getcwd(folder, sizeof folder) == nullptr) return;
    *path = arena_print(arena, "%s/%.*s", folder, FMT(*path));
}

static int run(struct task *task, struct arguments *arguments, struct console *console)
{
    if (arguments->command->needs == NEEDS_NOTHING)
        return arguments->command->run(nullptr, arguments, console);
    /* Of what fails one line tells, and nothing else stands beside it. */
    log_set_level(LOG_WARNING);
    make_absolute(task->arena, &arguments->path);
    make_absolute(task->arena, &arguments->values[FLAG_KEY]);
    switch (arguments->command->operand_kind) {
    case OPERAND_WORD:
        return run_anywhere(task, arguments, console);
    case OPERAND_PATH:
        make_absolute(task->arena, &arguments->operand);
        return run_anywhere(task, arguments, console);
    case OPERAND_TABLE:
        break;
    }
    enum err err = import_files_open(task, arguments->operand, console);
    if (err != ERR_NONE) return console_fail(console, task, err);
    int status = run_anywhere(task, arguments, console);
    return import_files_close(task, arguments->operand, console, status);
}

int main(int argc, char **argv)
{
    struct console console = {.out = STDOUT_FILENO, .err = STDERR_FILENO, .file = -1, .rows = -1};
    struct arena arena;
    struct task task;
    struct arguments arguments;
    /* A reader that goes away, such as `head`, must not end a command in the middle. */
    (void)signal(SIGPIPE, SIG_IGN);
    /* A core dump, and whoever may trace this user's processes, would have every key. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    memory_open();
    if (crypto_start() != ERR_NONE)
        return console_complain(&console, "the crypto library does not start");
    arena_init(&arena, COMMAND_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    commands_gather();
    int status = 1;
    switch (arguments_parse(&task, &console, commands, command_count, argc, argv, environ,
                            &arguments)) {
    case PARSED_RUN:
        status = run(&task, &arguments, &console);
        break;
    case PARSED_SHOWN:
        status = 0;
        break;
    case PARSED_WRONG:
        status = STATUS_USAGE;
        break;
    case PARSED_FAILED:
        break;
    }
    arena_drop(&arena);
    return status;
}

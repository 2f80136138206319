#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "store/control.h"
#include "store_test.h"

/** Writes its words to the caller's own output and answers their number. */
static int echo(void *owner, const struct control_call *call)
{
    check_int(*(int *)owner, 42);
    for (uint32_t i = 0; i < call->word_count; i++)
        check(write(call->out, call->words[i].at, call->words[i].len) ==
              (ssize_t)call->words[i].len);
    if (call->file >= 0) check(write(call->file, "file", 4) == 4);
    return (int)call->word_count;
}

static int call_make(struct control_call *call, int *file_out)
{
    int pipes[2], file[2];
    check(pipe(pipes) == 0);
    check(pipe(file) == 0);
    call->in = 0;
    call->out = pipes[1];
    call->err = 2;
    call->file = file[1];
    *file_out = file[0];
    return pipes[0];
}

TEST(test_control__runs_a_command_on_the_callers_files)
{
    struct test_store test;
    test_store_open(&test);
    struct task *task = &test.task.task;
    int owner = 42, status, file;
    struct control *control;
    check_int(control_ask(task, str_of(test.folder), &(struct control_call){.file = -1}, &status),
              ERR_MISSING);
    check_int(control_open(task, test.store, str_of(test.folder), echo, &owner, &control),
              ERR_NONE);
    struct stat about;
    char path[128];
    snprintf(path, sizeof(path), "%s/control.sock", test.folder);
    check(stat(path, &about) == 0);
    check_int(about.st_mode & 0777, 0600);
    for (int round = 0; round < 20; round++) {
        struct control_call call = {.word_count = 2, .words = {S("tenant"), S("list")}};
        int out = call_make(&call, &file);
        check_int(control_ask(task, str_of(test.folder), &call, &status), ERR_NONE);
        check_int(status, 2);
        char text[32];
        check_int(read(out, text, sizeof(text)), 10);
        check_str(((str){text, 10}), S("tenantlist"));
        check_int(read(file, text, sizeof(text)), 4);
        close(out);
        close(file);
        close(call.out);
        close(call.file);
    }
    control_close(control);
    check_int(control_ask(task, str_of(test.folder), &(struct control_call){.file = -1}, &status),
              ERR_MISSING);
    test_store_drop(&test);
}

static int connect_raw(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", folder);
    int caller = socket(AF_UNIX, SOCK_STREAM, 0);
    check(connect(caller, (struct sockaddr *)&address, sizeof(address)) == 0);
    return caller;
}

TEST(test_control__drops_what_is_no_message)
{
    struct test_store test;
    test_store_open(&test);
    struct task *task = &test.task.task;
    int owner = 42, status, file;
    struct control *control;
    check_int(control_open(task, test.store, str_of(test.folder), echo, &owner, &control),
              ERR_NONE);
    const str messages[] = {S("\x00\x00\x00\x02"
                              "abcdef"),
                            S("\xFF\xFF\xFF\xFF"), S("\x00"), S("")};
    for (int i = 0; i < 4; i++) {
        int caller = connect_raw(test.folder);
        check(write(caller, messages[i].at, messages[i].len) == (ssize_t)messages[i].len);
        shutdown(caller, SHUT_WR);
        char byte;
        check(read(caller, &byte, 1) <= 0);
        close(caller);
    }
    struct control_call call = {.word_count = 1, .words = {S("x")}};
    int out = call_make(&call, &file);
    check_int(control_ask(task, str_of(test.folder), &call, &status), ERR_NONE);
    check_int(status, 1);
    close(out);
    close(file);
    close(call.out);
    close(call.file);
    control_close(control);
    test_store_drop(&test);
}

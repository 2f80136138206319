#include "store/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "store/environment.h"
#include "store/files.h"
#include "value/value.h"

constexpr size_t MESSAGE_BYTES_MAX = 64 * KIB;
constexpr uint32_t FILES_MAX = 4;
constexpr time_t MESSAGE_WAIT_S = 5; /** a caller that sends nothing holds a place no longer */
static const char *const SOCKET_NAME = "control.sock";

enum call_state : uint8_t { CALL_FREE, CALL_RUNS, CALL_ENDED };

struct call_slot {
    struct control *control;
    enum call_state state; /** under control's lock */
    int socket;
    pthread_t thread;
};

/** `lock` guards the states of the slots; the listening thread and the calls' threads take it. */
struct control {
    int (*run)(void *owner, const struct control_call *call);
    void *owner;
    char *folder;
    int listener;
    /** an eventfd: the listening thread ends when it is written, or looks at its slots again */
    int stop;
    bool is_closing;
    bool is_started;
    pthread_t thread;
    pthread_mutex_t lock;
    struct call_slot slots[CONTROL_CALLS_MAX];
};

/** The path by way of the opened folder: the folder's own may be longer than a socket's address. */
static void address_write(int folder, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", folder,
             SOCKET_NAME);
}

/* A call, on its own thread. */

static bool peer_is_allowed(int socket)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) return false;
    return peer.uid == 0 || peer.uid == geteuid();
}

static void files_close(const int *files, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) close(files[i]);
}

/** The length of the message and the descriptors that come with it. */
static bool head_receive(int socket, uint32_t *len_out, int files[FILES_MAX], uint32_t *count_out)
{
    char head[4];
    alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int) * FILES_MAX)];
    struct iovec part = {head, sizeof(head)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    *count_out = 0;
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item != nullptr;
         item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        require(*count_out + count <= FILES_MAX);
        memcpy(files + *count_out, CMSG_DATA(item), count * sizeof(int));
        *count_out += (uint32_t)count;
    }
    *len_out = bytes_uint32(head);
    return got == sizeof(head) && (message.msg_flags & MSG_CTRUNC) == 0 && *count_out >= 3 &&
           *len_out <= MESSAGE_BYTES_MAX;
}

static bool words_read(struct task *task, str bytes, struct control_call *call)
{
    if (value_check(task, bytes) != ERR_NONE) return false;
    struct value list = value_of(bytes), word;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count > CONTROL_WORDS_MAX) return false;
    while (value_next(&items, &word)) {
        if (word.kind != VALUE_TEXT) return false;
        call->words[call->word_count++] = word.text;
    }
    return call->word_count == list.count;
}

/** Receives, runs and answers one call. */
static void call_serve(struct control *control, int socket)
{
    struct timeval wait = {.tv_sec = MESSAGE_WAIT_S};
    int files[FILES_MAX];
    uint32_t len, file_count = 0;
    if (!peer_is_allowed(socket)) {
        log_warning("control", "a caller of another user is refused");
        return;
    }
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (!head_receive(socket, &len, files, &file_count)) {
        files_close(files, file_count);
        return;
    }
    struct arena arena;
    struct task task;
    struct control_call call = {
        .in = files[0], .out = files[1], .err = files[2], .file = file_count > 3 ? files[3] : -1};
    arena_init(&arena, MIB);
    task_init(&task, &arena);
    char *bytes = arena_take_raw(&arena, len + 1);
    if (file_read(socket, bytes, len) && words_read(&task, (str){bytes, len}, &call)) {
        char status = (char)(uint8_t)control->run(control->owner, &call);
        /* A caller that has gone away needs no answer. */
        (void)!send(socket, &status, 1, MSG_NOSIGNAL);
    }
    arena_drop(&arena);
    files_close(files, file_count);
}

static void control_wake(struct control *control)
{
    uint64_t one = 1;
    (void)!write(control->stop, &one, sizeof(one));
}

static void *call_thread(void *argument)
{
    struct call_slot *slot = argument;
    struct control *control = slot->control;
    call_serve(control, slot->socket);
    close(slot->socket);
    pthread_mutex_lock(&control->lock);
    slot->state = CALL_ENDED;
    pthread_mutex_unlock(&control->lock);
    control_wake(control);
    return nullptr;
}

/* The listening thread. */

/** Joins threads of calls that ended; gives a free slot, or nullptr. */
static struct call_slot *slots_look(struct control *control, uint32_t *running_out)
{
    struct call_slot *free_slot = nullptr;
    *running_out = 0;
    for (uint32_t i = 0; i < CONTROL_CALLS_MAX; i++) {
        struct call_slot *slot = &control->slots[i];
        pthread_mutex_lock(&control->lock);
        enum call_state state = slot->state;
        pthread_mutex_unlock(&control->lock);
        if (state == CALL_ENDED) {
            pthread_join(slot->thread, nullptr);
            slot->state = state = CALL_FREE;
        }
        if (state == CALL_FREE) free_slot = slot;
        else ++*running_out;
    }
    return free_slot;
}

static void call_accept(struct control *control, struct call_slot *slot)
{
    int socket = accept4(control->listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    struct arena arena;
    struct task task;
    arena_init(&arena, 64 * KIB);
    task_init(&task, &arena);
    slot->socket = socket;
    slot->state = CALL_RUNS;
    if (thread_start(&task, &slot->thread, "call", call_thread, slot) != ERR_NONE) {
        log_error("control", "%.*s", FMT(task.fault.detail));
        slot->state = CALL_FREE;
        close(socket);
    }
    arena_drop(&arena);
}

static void *control_thread(void *argument)
{
    struct control *control = argument;
    for (;;) {
        uint32_t running;
        struct call_slot *slot = slots_look(control, &running);
        pthread_mutex_lock(&control->lock);
        bool is_closing = control->is_closing;
        pthread_mutex_unlock(&control->lock);
        if (is_closing && running == 0) return nullptr;
        /* While all places are taken, callers wait in the listener's queue. */
        bool may_accept = slot != nullptr && !is_closing;
        struct pollfd files[] = {{.fd = control->stop, .events = POLLIN},
                                 {.fd = may_accept ? control->listener : -1, .events = POLLIN}};
        if (poll(files, 2, -1) < 0 && errno != EINTR) {
            log_error("control", "poll: %s", strerror(errno));
            return nullptr;
        }
        uint64_t count;
        if (files[0].revents != 0) (void)!read(control->stop, &count, sizeof(count));
        if (files[1].revents != 0 && may_accept) call_accept(control, slot);
    }
}

/** Binds DIR/control.sock for this user alone, in place of one that a killed owner left. */
static enum err listener_open(struct task *task, struct control *control)
{
    int folder = open(control->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return fail(task, ERR_SYSTEM, "%s: %s", control->folder, strerror(errno));
    struct sockaddr_un address;
    address_write(folder, &address);
    unlinkat(folder, SOCKET_NAME, 0);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_listening =
        control->listener >= 0 && fchmod(control->listener, 0600) == 0 &&
        bind(control->listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        fchmodat(folder, SOCKET_NAME, 0600, 0) == 0 &&
        listen(control->listener, CONTROL_CALLS_MAX) == 0;
    int cause = errno;
    close(folder);
    if (is_listening) return ERR_NONE;
    return fail(task, ERR_SYSTEM, "%s/%s: %s", control->folder, SOCKET_NAME, strerror(cause));
}

enum err control_open(struct task *task, struct store *store, str folder,
                      int (*run)(void *owner, const struct control_call *call), void *owner,
                      struct control **control_out)
{
    require(store != nullptr);
    require(run != nullptr);
    struct control *control = memory_take(sizeof(*control));
    control->run = run;
    control->owner = owner;
    control->listener = -1;
    control->folder = memory_take(folder.len + 1);
    memcpy(control->folder, folder.at, folder.len);
    for (uint32_t i = 0; i < CONTROL_CALLS_MAX; i++) control->slots[i].control = control;
    pthread_mutex_init(&control->lock, nullptr);
    control->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = control->stop >= 0 ? listener_open(task, control)
                                      : fail(task, ERR_SYSTEM, "eventfd: %s", strerror(errno));
    if (err == ERR_NONE)
        err = thread_start(task, &control->thread, "control", control_thread, control);
    control->is_started = err == ERR_NONE;
    if (err == ERR_NONE) *control_out = control;
    else control_close(control);
    return err;
}

void control_close(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    control->is_closing = true;
    pthread_mutex_unlock(&control->lock);
    if (control->is_started) {
        control_wake(control);
        pthread_join(control->thread, nullptr);
    }
    int folder = open(control->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (control->is_started && folder >= 0) unlinkat(folder, SOCKET_NAME, 0);
    if (folder >= 0) close(folder);
    if (control->listener >= 0) close(control->listener);
    if (control->stop >= 0) close(control->stop);
    pthread_mutex_destroy(&control->lock);
    memory_give(control->folder);
    memory_give(control);
}

/* The caller's side. */

static bool message_send(int socket, str bytes, const struct control_call *call)
{
    char head[4];
    alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int) * FILES_MAX)] = {};
    const int files[FILES_MAX] = {call->in, call->out, call->err, call->file};
    size_t count = call->file >= 0 ? FILES_MAX : FILES_MAX - 1;
    bytes_put_uint32(head, (uint32_t)bytes.len);
    struct iovec part = {head, sizeof(head)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(item), files, sizeof(int) * count);
    if (sendmsg(socket, &message, MSG_NOSIGNAL) != sizeof(head)) return false;
    while (bytes.len > 0) {
        ssize_t sent = send(socket, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes = str_from(bytes, (size_t)sent);
    }
    return true;
}

enum err control_ask(struct task *task, str folder, const struct control_call *call,
                     int *status_out)
{
    require(call->word_count <= CONTROL_WORDS_MAX);
    struct buf words = buf_make(task->arena, MESSAGE_BYTES_MAX);
    pack_list(&words, call->word_count);
    for (uint32_t i = 0; i < call->word_count; i++) pack_text(&words, call->words[i]);
    if (buf_is_over(&words)) return fail(task, ERR_TOO_LARGE, "The command is too long.");
    struct sockaddr_un address;
    int opened = open(arena_cstring(task->arena, folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return fail(task, ERR_MISSING, "%.*s: %s", FMT(folder), strerror(errno));
    address_write(opened, &address);
    int caller = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected =
        caller >= 0 && connect(caller, (const struct sockaddr *)&address, sizeof(address)) == 0;
    int cause = errno;
    close(opened);
    bool is_absent = cause == ENOENT || cause == ECONNREFUSED;
    char status;
    bool is_answered = is_connected && message_send(caller, buf_str(&words), call) &&
                       file_read(caller, &status, 1);
    if (caller >= 0) close(caller);
    if (!is_connected)
        return fail(task, is_absent ? ERR_MISSING : ERR_SYSTEM, "%.*s/%s: %s", FMT(folder),
                    SOCKET_NAME, strerror(cause));
    if (!is_answered) return fail(task, ERR_SYSTEM, "The server went away during the command.");
    *status_out = (uint8_t)status;
    return ERR_NONE;
}

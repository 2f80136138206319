/* What a process without rights tries, each in a process of its own: refused, every one.
 *
 * `killed`: the kernel ends it at the call. `refused`: the call gives an error. */
#include "runner/rights.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "test.h"

/* Under a sanitizer no right is given away. */
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

constexpr int SUCCEEDED = 3, REFUSED = 4;
constexpr size_t ADDRESS_MAX = 512 * MIB;
constexpr long NUMBERS_MAX = 1024; /** more than there are calls */
constexpr long X32 = 0x40000000;   /** calls of another binary interface have this bit */

/** The process that tries, before and after its rights are gone. */
struct place {
    int line[2];    /** standard input is the first end, as a runner's socket */
    int file;       /** was open before */
    pid_t server;   /** the parent, which means no good of it */
    char *readable; /** a page of its own */
};

static struct place place_make(void)
{
    struct place place = {.server = getpid()};
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, place.line) == 0);
    place.file = open("/proc/self/exe", O_RDONLY);
    check(place.file > 2);
    place.readable =
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(place.readable != MAP_FAILED);
    return place;
}

static void place_drop(struct place *place)
{
    close(place->line[0]);
    close(place->line[1]);
    close(place->file);
    (void)munmap(place->readable, 4096);
}

/** How a process ended that gave its rights away and then did this; true: it succeeded. */
static int end_of(struct place *place, bool (*attempt)(struct place *), const struct rights *rights)
{
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        (void)dup2(place->line[0], STDIN_FILENO);
        if (rights_drop(rights) != ERR_NONE) _exit(5);
        _exit(attempt(place) ? SUCCEEDED : REFUSED);
    }
    int status;
    check(waitpid(child, &status, 0) == child);
    return status;
}

static const struct rights usual = {.address_bytes_max = ADDRESS_MAX, .cpu_seconds_max = 60};

static bool is_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* Attempts, as a broken-in script would make them. */

static bool open_a_file(struct place *)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool make_a_file(struct place *)
{
    return open("/tmp/atrium-runner-was-here", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool read_the_servers_memory(struct place *place)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/mem", place->server);
    return open(path, O_RDWR) >= 0;
}

static bool read_a_file_of_before(struct place *place)
{
    char byte;
    return read(place->file, &byte, 1) == 1;
}

static bool write_to_the_terminal(struct place *)
{
    return write(9, "x", 1) == 1;
}

static bool open_a_socket(struct place *)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool make_a_pair(struct place *)
{
    int ends[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
}

static bool connect_its_own(struct place *)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control.sock"};
    return connect(STDIN_FILENO, (struct sockaddr *)&address, sizeof address) == 0;
}

static bool send_a_descriptor(struct place *)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    char byte = 'x';
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    *(int *)(void *)CMSG_DATA(&control.head) = STDIN_FILENO;
    return sendmsg(STDIN_FILENO, &message, 0) >= 0;
}

static bool take_a_descriptor(struct place *)
{
    struct msghdr message = {};
    return recvmsg(STDIN_FILENO, &message, MSG_DONTWAIT) >= 0;
}

static bool copy_a_descriptor(struct place *)
{
    return dup(STDIN_FILENO) >= 0;
}

static bool fork_a_child(struct place *)
{
    return fork() >= 0;
}

static bool start_a_thread(struct place *place)
{
    return syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, place->readable + 4096, 0, 0,
                   0) >= 0;
}

static bool run_a_program(struct place *)
{
    char *const words[] = {"/bin/sh", nullptr};
    return execve("/bin/sh", words, nullptr) == 0;
}

static bool kill_the_server(struct place *place)
{
    return kill(place->server, SIGTERM) == 0;
}

static bool kill_by_handle(struct place *place)
{
    return syscall(SYS_pidfd_open, place->server, 0) >= 0;
}

static bool signal_by_handle(struct place *)
{
    return syscall(SYS_pidfd_send_signal, STDIN_FILENO, SIGKILL, nullptr, 0) == 0;
}

static bool trace_the_server(struct place *place)
{
    return ptrace(PTRACE_ATTACH, place->server, nullptr, nullptr) == 0;
}

static bool read_across(struct place *place)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {place->readable, 1};
    return syscall(SYS_process_vm_readv, place->server, &here, 1, &there, 1, 0) == 1;
}

static bool write_across(struct place *place)
{
    char byte = 'x';
    struct iovec here = {&byte, 1}, there = {place->readable, 1};
    return syscall(SYS_process_vm_writev, place->server, &here, 1, &there, 1, 0) == 1;
}

static bool map_code(struct place *)
{
    return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool make_memory_code(struct place *place)
{
    return mprotect(place->readable, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool make_code_writable(struct place *)
{
    return mprotect((void *)((uintptr_t)rights_drop & ~(uintptr_t)4095), 4096,
                    PROT_READ | PROT_WRITE) == 0;
}

static bool make_a_file_of_memory(struct place *)
{
    return memfd_create("x", 0) >= 0;
}

static bool share_memory(struct place *)
{
    return syscall(SYS_shmget, 0, 4096, 01600) >= 0;
}

static bool come_first(struct place *)
{
    return setpriority(PRIO_PROCESS, 0, -20) == 0;
}

static bool come_before_all(struct place *)
{
    struct sched_param first = {.sched_priority = 1};
    return sched_setscheduler(0, SCHED_FIFO, &first) == 0;
}

static bool lift_a_limit(struct place *)
{
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_AS, &more) == 0;
}

static bool set_the_clock(struct place *)
{
    struct timespec time = {};
    return clock_settime(CLOCK_REALTIME, &time) == 0;
}

static bool look_at_the_servers_clock(struct place *place)
{
    struct timespec time;
    return syscall(SYS_clock_gettime, ~(long)place->server << 3 | 2, &time) == 0;
}

static bool make_a_ring(struct place *place)
{
    return syscall(SYS_io_uring_setup, 1, place->readable) >= 0;
}

static bool outlive_the_server(struct place *)
{
    return prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static bool be_dumpable(struct place *)
{
    return prctl(PR_SET_DUMPABLE, 1) == 0;
}

static bool call_by_another_interface(struct place *place)
{
    return syscall(X32 | SYS_getpid) == place->server;
}

static bool take_all_memory(struct place *)
{
    return mmap(nullptr, ADDRESS_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool grow_the_heap(struct place *)
{
    char *end = sbrk(0);
    return brk(end + ADDRESS_MAX) == 0;
}

static bool sleep_for_ever(struct place *)
{
    return pause() == 0;
}

static bool wait_for_a_lock(struct place *place)
{
    return syscall(SYS_futex, place->readable, FUTEX_WAIT, 0, nullptr) == 0;
}

struct row {
    const char *name;
    bool (*attempt)(struct place *place);
    bool is_killed; /** else it is told an error */
};

TEST(test_rights__are_gone)
{
    static const struct row rows[] = {
        {"open a file", open_a_file, true},
        {"make a file", make_a_file, true},
        {"open the server's memory", read_the_servers_memory, true},
        {"read what was open before", read_a_file_of_before, false},
        {"write to a descriptor that is none", write_to_the_terminal, false},
        {"open a socket", open_a_socket, true},
        {"make a pair of sockets", make_a_pair, true},
        {"connect its own socket elsewhere", connect_its_own, true},
        {"send a descriptor", send_a_descriptor, true},
        {"take a descriptor", take_a_descriptor, true},
        {"copy a descriptor", copy_a_descriptor, true},
        {"fork", fork_a_child, true},
        {"start a thread", start_a_thread, true},
        {"run a program", run_a_program, true},
        {"signal the server", kill_the_server, true},
        {"get a handle of the server", kill_by_handle, true},
        {"signal by a handle", signal_by_handle, true},
        {"trace the server", trace_the_server, true},
        {"read the server's memory", read_across, true},
        {"write the server's memory", write_across, true},
        {"map memory that can be executed", map_code, true},
        {"make memory executable", make_memory_code, true},
        {"make code writable", make_code_writable, true},
        {"make a file of memory", make_a_file_of_memory, true},
        {"share memory", share_memory, true},
        {"come before others", come_first, true},
        {"come before all", come_before_all, true},
        {"lift a limit", lift_a_limit, true},
        {"set the clock", set_the_clock, true},
        {"look at the server's computing time", look_at_the_servers_clock, true},
        {"make an io_uring", make_a_ring, true},
        {"outlive the server", outlive_the_server, true},
        {"be dumpable", be_dumpable, true},
        {"call by another interface", call_by_another_interface, true},
        {"take all memory", take_all_memory, false},
        {"grow the heap", grow_the_heap, false},
        {"sleep", sleep_for_ever, true},
        {"wait for a lock", wait_for_a_lock, true},
    };
    if (is_sanitized) return;
    struct place place = place_make();
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        int status = end_of(&place, rows[at].attempt, &usual);
        bool is_refused = WIFEXITED(status) && WEXITSTATUS(status) == REFUSED;
        if (rows[at].is_killed ? is_killed(status) : is_refused) continue;
        fprintf(stderr, "%s: status %d\n", rows[at].name, status);
        test_failed(__FILE__, __LINE__, "it is refused");
    }
    place_drop(&place);
}

/* Every call there is, by its number, with arguments that mean nothing. */

static long number;

static bool call_it(struct place *)
{
    (void)syscall(number, -1, 0, 0, 0, 0, 0);
    return true;
}

TEST(test_rights__leave_a_few_calls)
{
    static const long left[] = {SYS_read, SYS_write,  SYS_mmap,       SYS_munmap,      SYS_brk,
                                SYS_exit, SYS_mremap, SYS_exit_group, SYS_rt_sigreturn};
    if (is_sanitized) return;
    struct place place = place_make();
    for (number = 0; number < NUMBERS_MAX; number++) {
        bool is_left = false;
        for (size_t at = 0; at < sizeof left / sizeof *left; at++)
            is_left = is_left || left[at] == number;
        /* The kernel's own probes return by these two, which no filter is ever shown. */
        is_left = is_left || number == 335 || number == 336;
        if (is_left || is_killed(end_of(&place, call_it, &usual))) continue;
        fprintf(stderr, "call %ld\n", number);
        test_failed(__FILE__, __LINE__, "it is killed");
    }
    place_drop(&place);
}

/* What is left works, and is bounded. */

static bool do_its_work(struct place *place)
{
    char byte = 0;
    struct timespec time;
    void *memory = mmap(nullptr, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool is_good = memory != MAP_FAILED && munmap(memory, MIB) == 0;
    is_good = is_good && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0;
    is_good = is_good && read(STDIN_FILENO, &byte, 1) == 1 && byte == '?';
    is_good = is_good && write(STDIN_FILENO, "!", 1) == 1;
    return is_good && place->server > 0;
}

static bool compute_for_ever(struct place *)
{
    for (volatile uint64_t turns = 0;; turns = turns + 1) {
    }
}

TEST(test_rights__leave_what_is_needed)
{
    struct place place = place_make();
    char byte;
    check(write(place.line[1], "?", 1) == 1);
    int status = end_of(&place, do_its_work, &usual);
    check(WIFEXITED(status) && WEXITSTATUS(status) == SUCCEEDED);
    check(read(place.line[1], &byte, 1) == 1 && byte == '!');
    place_drop(&place);
}

TEST(test_rights__end_with_the_time)
{
    static const struct rights brief = {.address_bytes_max = ADDRESS_MAX, .cpu_seconds_max = 1};
    if (is_sanitized) return;
    struct place place = place_make();
    int status = end_of(&place, compute_for_ever, &brief);
    check(WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU));
    place_drop(&place);
}

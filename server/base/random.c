#include "base/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/require.h"

/** One call of the system serves many small wishes; a used byte is overwritten at once. */
constexpr size_t POOL_BYTES = 4096;

static thread_local uint8_t pool[POOL_BYTES];
static thread_local size_t pool_left;

static atomic_bool is_seeded;
static _Atomic uint64_t seeded_state;

static void fill_by_system(uint8_t *at, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        require(got > 0);
        at += got;
        bytes -= (size_t)got;
    }
}

/** SplitMix64 (Steele, Lea, Flood 2014): good for tests, never for secrets. */
static uint64_t next_seeded(void)
{
    constexpr uint64_t step = 0x9e3779b97f4a7c15;
    uint64_t mix = atomic_fetch_add(&seeded_state, step) + step;
    mix = (mix ^ (mix >> 30)) * 0xbf58476d1ce4e5b9;
    mix = (mix ^ (mix >> 27)) * 0x94d049bb133111eb;
    return mix ^ (mix >> 31);
}

static void fill_by_seed(uint8_t *at, size_t bytes)
{
    while (bytes > 0) {
        uint64_t next = next_seeded();
        size_t part = bytes < sizeof next ? bytes : sizeof next;
        memcpy(at, &next, part);
        at += part;
        bytes -= part;
    }
}

void random_after_fork(void)
{
    memset(pool, 0, sizeof pool);
    pool_left = 0;
}

void random_fill(void *bytes_out, size_t bytes)
{
    if (bytes == 0) return;
    if (atomic_load_explicit(&is_seeded, memory_order_relaxed)) {
        fill_by_seed(bytes_out, bytes);
        return;
    }
    if (bytes > POOL_BYTES / 4) {
        fill_by_system(bytes_out, bytes);
        return;
    }
    if (pool_left < bytes) {
        fill_by_system(pool, POOL_BYTES);
        pool_left = POOL_BYTES;
    }
    uint8_t *from = pool + pool_left - bytes;
    memcpy(bytes_out, from, bytes);
    explicit_bzero(from, bytes);
    pool_left -= bytes;
}

uint64_t random_uint64(void)
{
    uint64_t number;
    random_fill(&number, sizeof number);
    return number;
}

void random_seed(uint64_t seed)
{
    atomic_store(&seeded_state, seed);
    atomic_store(&is_seeded, seed != 0);
}

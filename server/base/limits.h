/** limits: every bound of the server, with its unit and its reason.
 *
 *  `_MAX` is inclusive. A limit that an operator may change is a setting whose default stands here.
 *  Floor   base.
 *  Thread  any; constant.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
constexpr int64_t HOUR_MS = 3600LL * 1000;
constexpr int64_t DAY_MS = 24 * HOUR_MS;

/* Memory. */
constexpr size_t ARENA_BLOCK_BYTES = 8 * KIB;     /** first block; most requests fit in it */
constexpr size_t ARENA_HARD_FACTOR = 4;           /** hard cap = soft cap times this */
constexpr size_t TASK_ARENA_BYTES_MAX = 32 * MIB; /** soft cap of one request or one slice */

/* Values. */
constexpr uint32_t VALUE_DEPTH_MAX = 32;       /** nesting of JSON and MessagePack */
constexpr size_t BODY_BYTES_MAX = 1 * MIB;     /** of a request; larger things come in parts */
constexpr size_t TEXT_BYTES_MAX = 64 * KIB;    /** of a long text; LMDB likes values small */
constexpr size_t RECORD_BYTES_MAX = 256 * KIB; /** of a stored record */
constexpr uint32_t FAULTS_MAX = 50;            /** faults told in one answer */
constexpr uint32_t LIST_ITEMS_MAX = 200;       /** of a field that holds many values */

/* CSV. */
constexpr size_t CSV_CELL_BYTES_MAX = 64 * KIB;
constexpr size_t CSV_ROW_BYTES_MAX = 1 * MIB;
constexpr uint32_t CSV_COLUMNS_MAX = 512;

/* Store. */
constexpr size_t KEY_BYTES_MAX = 511;         /** LMDB's compiled-in maximum */
constexpr size_t KEY_ORDERED_BYTES_MAX = 128; /** an index keeps this much of a value */
constexpr size_t KEY_INDEX_BYTES_MAX = 2 * KEY_ORDERED_BYTES_MAX + 1; /** of a pair of values */
constexpr size_t KEY_TOKEN_BYTES_MAX = 48;        /** a search word is cut here */
constexpr uint32_t LANE_GROUP_WORKS_MAX = 64;     /** changes run in one transaction of a lane */
constexpr int64_t LANE_GROUP_NS_MAX = 20'000'000; /** or this much time, 20 ms */
constexpr size_t CHAIN_BYTES_MAX =
    4 * MIB; /** memory of the groups that a lane builds on each other; then it waits */
constexpr uint64_t CHAIN_ENTRIES_MAX = 8192;
constexpr int64_t CHAIN_NS_MAX = 1'000'000'000; /** far below READER_AGE_MS_MAX */
constexpr uint32_t LANE_QUEUE_MAX = 4096;       /** changes waiting in one lane; then ERR_FULL */
constexpr uint32_t LANES_SERVED_MAX = 4;        /** worked on at once; more wait for a runner */
constexpr uint32_t LANE_THREADS_MAX = 64;       /** each with a lane that is served, or waits */
constexpr size_t COMMIT_BYTES_MAX = 2 * MIB; /** of one LMDB commit, unless one batch is larger */
constexpr uint32_t READERS_MAX = 512;        /** LMDB reader slots */
constexpr int64_t READER_AGE_MS_MAX = 5000;  /** older ones stop pages from being reused */
constexpr uint32_t CHANGE_WRITES_MAX = 1000; /** records touched by one atomic change */

/* Queries. */
constexpr uint32_t PAGE_RECORDS_DEFAULT = 50;
constexpr uint32_t PAGE_RECORDS_MAX = 200;
constexpr uint32_t LOOP_KEYS_MAX = 500;       /** touched on an event loop for one request */
constexpr uint32_t WORKER_KEYS_MAX = 200'000; /** touched by a worker for one request */
constexpr uint32_t FILTERS_MAX = 64;          /** tests in one filter */
constexpr uint32_t SEARCH_WORDS_MAX = 8;

/* Model. */
constexpr uint32_t ENTITIES_MAX = 256;
constexpr uint32_t FIELDS_MAX = 256;               /** of one entity */
constexpr size_t SCHEMA_BYTES_MAX = 4 * MIB;       /** what the runner may send */
constexpr uint16_t FIELD_NUMBER_CUSTOM_MIN = 4096; /** a tenant's own fields begin here */
constexpr uint16_t ENTITY_NUMBER_CUSTOM_MIN = 128; /** a tenant's own entities, up to 255 */
constexpr uint32_t CUSTOM_FIELDS_MAX = 200;        /** of one entity; records are read whole */
constexpr uint32_t CUSTOM_CHOICES_MAX = 5000;      /** of one tenant: each model holds them all */

/* Rules. A run is one rule on one record; a chain is all that follows from one record that somebody
 * writes: a change of many has as many, and what they may do is counted together. */
constexpr size_t RULE_SOURCE_BYTES_MAX = 64 * KIB;
constexpr uint32_t RULES_OF_TENANT_MAX = 500;
constexpr uint64_t RULE_FUEL_MAX = 5'000'000; /** instructions of one run, some 50 ms */
constexpr uint64_t RULE_CHAIN_FUEL_MAX = 10'000'000;
constexpr size_t RULE_BYTES_MAX =
    2 * MIB; /** of one run; with 4 MiB one instruction takes seconds */
constexpr size_t RULE_TAKEN_BYTES_MAX = 64 * MIB; /** taken in one run, given back or not */
constexpr int64_t RULE_CPU_MS_MAX = 300;          /** of the runner's own time, for one run */
constexpr int64_t RULE_CHAIN_CPU_MS_MAX = 600;
constexpr int64_t RULE_CHANGE_CPU_MS_MAX = 3000; /** however many chains: its snapshot grows old */
constexpr int64_t RULE_WALL_MS_MAX = 10'000;     /** a far backstop: neighbours spend it too */
constexpr int64_t RULE_STALLED_MS_MAX = 2'000;   /** a runner that is asked and computes nothing */
constexpr uint32_t RULE_DEPTH_MAX = 5;           /** rules that cause rules */
constexpr uint32_t RULE_WRITES_MAX = 200;        /** records written by the rules of one chain */
constexpr uint32_t RULE_READS_MAX = 1000;        /** get, find and count of one run */
constexpr uint32_t RULE_QUESTIONS_MAX = 2000;    /** of one run, of every kind */
constexpr uint32_t RULE_FIND_MAX = 200;          /** records of one find */
constexpr uint32_t RULE_KEYS_MAX = 20'000;       /** touched by one find or count */
constexpr uint32_t RULE_RUN_KEYS_MAX = 60'000;   /** by all of one run: some 60 ms of the lane */
constexpr uint32_t RULE_EFFECTS_MAX = 50;        /** queued by the rules of one chain */
constexpr uint32_t RULE_MAILS_MAX = 10;
constexpr uint32_t OUTBOX_OF_KIND_MAX = 20'000; /** of one tenant; then what would add is refused */
constexpr uint32_t RULE_LOG_LINES_MAX = 100;    /** of one run */
constexpr size_t RULE_LOG_LINE_BYTES_MAX = 1 * KIB;
constexpr size_t RULE_MESSAGE_BYTES_MAX = 1 * KIB; /** of a rejection or failure */
constexpr int64_t RULE_SHARE_MS_A_MINUTE = 20'000; /** for one tenant, unless its quota says else */
constexpr uint32_t RULE_OVERRUNS_MAX = 10;         /** in a row; then a rule is switched off */
constexpr uint32_t RULE_TESTS_MAX = 50;            /** of one rule; all run when it is activated */
constexpr int64_t RULE_TESTS_NS_MAX = 5'000'000'000; /** for all of them together */
constexpr uint32_t RULE_VERSIONS_MAX = 1000;         /** of one rule; then the oldest goes */

/* Access. */
constexpr size_t PASSWORD_BYTES_MAX = 1024;
constexpr size_t PASSWORD_BYTES_MIN = 8;
constexpr uint32_t PASSWORD_QUEUE_MAX = 32; /** sign-ins waiting for the hashing thread; then 503 */
constexpr int64_t SESSION_IDLE_MS = 12LL * 3600 * 1000;
constexpr int64_t SESSION_AGE_MS_MAX = 30 * DAY_MS;
constexpr uint32_t SESSIONS_OF_SUBJECT_MAX = 100; /** then the oldest ends */
constexpr int64_t PROOF_MS = 10LL * 60 * 1000;    /** so long a password counts as just given */

/* HTTP. */
constexpr uint32_t HEADERS_MAX = 100;         /** of one request */
constexpr size_t HEADER_BYTES_MAX = 64 * KIB; /** its target, header names and values */
constexpr uint32_t STREAMS_MAX = 32;          /** HTTP/2 requests of a connection at once */
constexpr uint32_t HEAD_FIELDS_MAX = 1000;    /** beyond HEADERS_MAX: what is not even refused */
constexpr size_t HEAD_BLOCK_BYTES_MAX = 128 * KIB; /** the same, as they come */
constexpr uint32_t HEAD_FRAMES_MAX = 64;           /** HTTP/2 frames of one head */
/** HTTP/2 frames that carry nothing (pings, settings, priorities, windows, empty data): so many at
 *  once, so many more with each request, each second, and each KiB that was sent. */
constexpr uint32_t FRAMES_IDLE_MAX = 10'000;
constexpr uint32_t FRAMES_PER_REQUEST = 100;
constexpr uint32_t FRAMES_PER_SECOND = 10;
constexpr uint32_t FRAMES_PER_KIB = 4;
constexpr uint32_t STREAMS_OPEN_MAX = 100; /** what h2o 2.2.5 tells its clients; not ours to set */
/** Memory that clients hold: requests that are not whole yet, and answers that they do not take.
 *  Beyond it those go that hold most for longest. */
constexpr size_t HELD_BYTES_MAX = 96 * MIB;
constexpr size_t HELD_BYTES_PER_CONNECTION_MAX = 32 * MIB;
constexpr size_t WORKING_BYTES_MAX =
    64 * MIB; /** large bodies of requests that are being answered; then 503 to further ones */
constexpr uint32_t CONNECTION_RATE_MAX = 100; /** new ones a second for an address; not loopback */
constexpr uint32_t CONNECTIONS_MAX = 4096;    /** of the server */
constexpr uint32_t CONNECTIONS_PER_ADDRESS_MAX = 256;   /** not on loopback */
constexpr uint32_t CONNECTION_REQUESTS_MAX = 1'000'000; /** then closed: nothing leaks for ever */
constexpr uint32_t CONNECTION_ABORTS_MAX = 200;         /** reset requests beyond those completed */
constexpr uint32_t TASKS_PER_CONNECTION_MAX = 64;       /** in flight; then 503 */
constexpr uint32_t TASKS_MAX = 8192;                    /** in flight in the server; then 503 */
constexpr size_t ANSWERS_BYTES_MAX =
    128 * MIB;                             /** made and not taken yet; then 503 to large ones */
constexpr int64_t REQUEST_MS_MAX = 30'000; /** from first byte to whole request */
constexpr int64_t RESPONSE_STALL_MS_MAX = 30'000; /** no byte taken by the peer */
constexpr int64_t CONNECTION_IDLE_MS_MAX = 60'000;
constexpr uint32_t EVENT_STREAMS_MAX = 8192; /** open at once; then 503 */
constexpr uint32_t EVENT_STREAMS_OF_TENANT =
    2500; /** unless its quota says else: fewer than CONNECTIONS_MAX, so that no firm takes all */
constexpr int64_t EVENT_KEEP_ALIVE_MS = 15'000; /** proxies cut what is silent for longer */
constexpr uint32_t RATE_DEFAULT = 500;          /** completed requests a second for an address */
constexpr int64_t STOP_MS_MAX = 10'000;         /** a graceful stop waits this long */

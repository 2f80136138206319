#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "client.h"

static struct client client;
static char folder[TEST_PATH_BYTES];
static char certificate_file[TEST_PATH_BYTES + 16], key_file[TEST_PATH_BYTES + 16];

static void handle(struct http_request *request)
{
    answer_text(request, 200, request->scheme);
}

/** A self-signed certificate of this name, written where the server looks for it. */
static void certify(const char *name, const char *to_certificate, const char *to_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    check(key != nullptr && certificate != nullptr);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    check(X509_sign(certificate, key, EVP_sha256()) > 0);
    if (to_certificate != nullptr) {
        FILE *file = fopen(to_certificate, "w");
        check(file != nullptr && PEM_write_X509(file, certificate) == 1);
        fclose(file);
    }
    if (to_key != nullptr) {
        FILE *file = fopen(to_key, "w");
        check(file != nullptr &&
              PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
        fclose(file);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void files_make(void)
{
    test_folder_make(folder);
    snprintf(certificate_file, sizeof certificate_file, "%s/cert.pem", folder);
    snprintf(key_file, sizeof key_file, "%s/key.pem", folder);
    certify("first", certificate_file, key_file);
}

static void files_drop(void)
{
    unlink(certificate_file);
    unlink(key_file);
    rmdir(folder);
}

static struct http_options options(void)
{
    return (struct http_options){.handle = handle,
                                 .https = S("127.0.0.1:0"),
                                 .tls_certificate = str_of(certificate_file),
                                 .tls_key = str_of(key_file),
                                 .threads = 2};
}

struct tls {
    SSL_CTX *context;
    SSL *session;
    bool is_open;
    char subject[64];
    char protocol[16];
};

/** `alpn` in the wire's form: a length before each name. */
static void tls_open(struct tls *tls, uint16_t port, str alpn, int version_max)
{
    *tls = (struct tls){.context = SSL_CTX_new(TLS_client_method())};
    client_open(&client, port);
    SSL_CTX_set_security_level(tls->context, 0); /* else OpenSSL itself refuses to speak 1.1 */
    SSL_CTX_set_max_proto_version(tls->context, version_max);
    tls->session = SSL_new(tls->context);
    if (alpn.len > 0)
        SSL_set_alpn_protos(tls->session, (const unsigned char *)alpn.at, (unsigned)alpn.len);
    SSL_set_fd(tls->session, client.descriptor);
    tls->is_open = SSL_connect(tls->session) == 1;
    ERR_clear_error();
    if (!tls->is_open) return;
    X509 *peer = SSL_get1_peer_certificate(tls->session);
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, tls->subject,
                              sizeof tls->subject);
    X509_free(peer);
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(tls->session, &protocol, &len);
    check(len < sizeof tls->protocol);
    if (len > 0) memcpy(tls->protocol, protocol, len);
}

static void tls_close(struct tls *tls)
{
    if (tls->is_open) SSL_shutdown(tls->session);
    SSL_free(tls->session);
    SSL_CTX_free(tls->context);
    client_close(&client);
}

/** The answer's text as it came; empty when none did. */
static str tls_get(struct tls *tls)
{
    static char bytes[4096];
    static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t len = 0;
    check_int(SSL_write(tls->session, ask, sizeof ask - 1), sizeof ask - 1);
    while (!str_has((str){bytes, len}, S("\r\n\r\nhttps"))) {
        int got = SSL_read(tls->session, bytes + len, (int)(sizeof bytes - len));
        if (got <= 0) return S("");
        len += (size_t)got;
    }
    return (str){bytes, len};
}

TEST(test_tls__serves_with_each_version_it_allows)
{
    files_make();
    struct http *http = server_open(options());
    struct tls tls;
    const int versions[] = {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    for (int at = 0; at < 3; at++) {
        tls_open(&tls, http_port(http, 1), S(""), versions[at]);
        check_int(tls.is_open, at > 0);
        if (tls.is_open) {
            check_str(str_of(tls.subject), S("first"));
            str text = tls_get(&tls);
            check(str_starts(text, S("HTTP/1.1 200 ")));
            check(str_has(text, S("strict-transport-security: max-age=31536000\r\n")));
            check(tls_get(&tls).len > 0);
        }
        tls_close(&tls);
    }
    http_close(http);
    files_drop();
}

TEST(test_tls__agrees_on_a_protocol)
{
    files_make();
    struct http *http = server_open(options());
    struct tls tls;
    tls_open(&tls, http_port(http, 1), S("\x2h2\x8http/1.1"), 0);
    check_str(str_of(tls.protocol), S("h2"));
    char bytes[256];
    check(SSL_write(tls.session, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33) == 33);
    char block[64];
    size_t len = frame_write(bytes, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1,
                             (str){block, request_write(block, false, "/")});
    check(SSL_write(tls.session, bytes, (int)len) == (int)len);
    bool has_body = false;
    while (!has_body) {
        int got = SSL_read(tls.session, bytes, sizeof bytes);
        check(got > 0);
        has_body = str_has((str){bytes, (size_t)got}, S("https"));
    }
    tls_close(&tls);
    tls_open(&tls, http_port(http, 1), S("\x8http/1.1"), 0);
    check_str(str_of(tls.protocol), S("http/1.1"));
    check(tls_get(&tls).len > 0);
    tls_close(&tls);
    http_close(http);
    files_drop();
}

TEST(test_tls__takes_a_new_certificate_and_keeps_the_old_when_it_is_bad)
{
    files_make();
    struct test_task reload;
    test_task_init(&reload);
    struct http *http = server_open(options());
    struct tls open_before, tls;
    tls_open(&open_before, http_port(http, 1), S(""), 0);
    int before = client.descriptor;

    certify("second", certificate_file, nullptr); /* the key stays the first one's */
    check_int(http_reload(&reload.task, http), ERR_INVALID);
    check(reload.task.fault.detail.len > 0);
    tls_open(&tls, http_port(http, 1), S(""), 0);
    check_str(str_of(tls.subject), S("first"));
    tls_close(&tls);

    certify("third", certificate_file, key_file);
    check_int(http_reload(&reload.task, http), ERR_NONE);
    /* The loops take it with their next message: soon there are none but new ones. */
    int64_t begun_ms = now_ms();
    for (int at = 0; at < 8;) {
        tls_open(&tls, http_port(http, 1), S(""), 0);
        at = str_eq(str_of(tls.subject), S("third")) ? at + 1 : 0;
        check(tls_get(&tls).len > 0);
        tls_close(&tls);
        check(now_ms() - begun_ms < READ_MS_MAX);
    }
    client.descriptor = before;
    check(tls_get(&open_before).len > 0);
    tls_close(&open_before);
    http_close(http);
    test_task_drop(&reload);
    files_drop();
}

TEST(test_tls__outlives_handshakes_begun_before_a_reload)
{
    files_make();
    struct test_task reload;
    test_task_init(&reload);
    struct http *http = server_open(options());
    client_open(&client, http_port(http, 1));
    usleep(50'000);
    certify("second", certificate_file, key_file);
    check_int(http_reload(&reload.task, http), ERR_NONE);
    certify("third", certificate_file, key_file);
    check_int(http_reload(&reload.task, http), ERR_NONE);
    usleep(50'000);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *session = SSL_new(context);
    SSL_set_fd(session, client.descriptor);
    check_int(SSL_connect(session), 1);
    SSL_free(session);
    SSL_CTX_free(context);
    client_close(&client);
    http_close(http);
    test_task_drop(&reload);
    files_drop();
}

TEST(test_tls__closes_who_does_not_shake_hands)
{
    files_make();
    struct http_options strict = options();
    strict.limits = (struct http_limits){.handshake_ms = 400, .sweep_ms = 50};
    struct http *http = server_open(strict);
    int64_t begun_ms = now_ms();
    client_open(&client, http_port(http, 1));
    check(client_until_closed(&client, READ_MS_MAX));
    check(now_ms() - begun_ms >= 200);
    client_close(&client);
    client_open(&client, http_port(http, 1));
    (void)client_try_send(&client, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    check(client_until_closed(&client, READ_MS_MAX));
    client_close(&client);
    http_close(http);
    files_drop();
}

TEST(test_tls__needs_files_that_fit)
{
    files_make();
    struct test_task task;
    struct http *http;
    struct http_options bad = options();
    test_task_init(&task);
    certify("other", nullptr, key_file);
    check_int(http_open(&task.task, &bad, &http), ERR_INVALID);
    check(task.task.fault.detail.len > 0);
    unlink(certificate_file);
    check_int(http_open(&task.task, &bad, &http), ERR_INVALID);
    test_task_drop(&task);
    files_drop();
}

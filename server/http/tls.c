#include <errno.h>

#include <openssl/err.h>

#include "http/loop.h"

static enum err refused(struct task *task, SSL_CTX *context, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? "no reason told" : ERR_reason_error_string(code);
    ERR_clear_error();
    SSL_CTX_free(context);
    return fail(task, ERR_INVALID, "%s %s: %s", what, file,
                reason == nullptr ? "not readable" : reason);
}

enum err certificate_load(struct task *task, const char *certificate_file, const char *key_file,
                          SSL_CTX **out)
{
    /* One name for all sessions: they are of this server, and of no other listener's trust. */
    static const uint8_t session_name[] = "atrium";
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) return fail(task, ERR_SYSTEM, "TLS cannot be started");
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
        return refused(task, context, "TLS 1.2", "");
    if (SSL_CTX_set_session_id_context(context, session_name, sizeof session_name - 1) != 1)
        return refused(task, context, "session name", "");
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return refused(task, context, "certificate", certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        return refused(task, context, "key", key_file);
    if (SSL_CTX_check_private_key(context) != 1)
        return refused(task, context, "certificate and key do not fit:", certificate_file);
    /* TLS 1.2 with forward secrecy and authenticated encryption only (RFC 9325, 4.2); 1.3 has
     * nothing else. */
    if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        return refused(task, context, "ciphers", "");
    h2o_ssl_register_alpn_protocols(context, h2o_alpn_protocols);
    *out = context;
    return ERR_NONE;
}

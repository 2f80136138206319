/** baseline: the same h2o with nothing behind it: one loop, one fixed answer to every request.
 *
 *  What the server's reads are measured against. Usage: baseline BYTES; prints the port.
 */
#include <errno.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BODY_BYTES_MAX ((size_t)1 << 20)

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;
static h2o_iovec_t body;

static int on_request(h2o_handler_t *self, h2o_req_t *request)
{
    (void)self;
    request->res.status = 200;
    request->res.reason = "OK";
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_send_inline(request, body.base, body.len);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    if (error != NULL) return;
    h2o_socket_t *socket = h2o_evloop_socket_accept(listener);
    if (socket != NULL) h2o_accept(&accept_context, socket);
}

static int listen_anywhere(void)
{
    int file = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    if (file < 0 || bind(file, (struct sockaddr *)&address, size) != 0 || listen(file, 1024) != 0 ||
        getsockname(file, (struct sockaddr *)&address, &size) != 0) {
        perror("baseline");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return file;
}

int main(int argc, char **argv)
{
    size_t bytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    if (bytes == 0 || bytes > BODY_BYTES_MAX) return 2;
    body = h2o_iovec_init(malloc(bytes), bytes);
    memset(body.base, 'x', bytes);
    h2o_config_init(&config);
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
    h2o_socket_t *listener =
        h2o_evloop_socket_create(context.loop, listen_anywhere(), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0 || errno == EINTR) continue;
    return 1;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The listening socket; see listen.h.
 */
#include "api/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
	struct sockaddr_storage room;
};

static int refuse(const char *text, struct fault *f)
{
	return fault_set(f, -EINVAL,
			 "--listen %s: give ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080, or "
			 "unix:PATH",
			 text);
}

static int path_parse(const char *path, const char *text, union address *to, socklen_t *len,
		      struct fault *f)
{
	*to = (union address){.path = {.sun_family = AF_UNIX}};
	if (!*path || strlen(path) >= sizeof(to->path.sun_path))
		return refuse(text, f);
	strcpy(to->path.sun_path, path);
	*len = sizeof(to->path);
	return 0;
}

static bool port_is_good(const char *port)
{
	size_t len = strlen(port);

	return len && len < 6 && strspn(port, "0123456789") == len && atoi(port) < 65536;
}

/* Names are not looked up, but for the one that is always this machine. */
static int address_parse(const char *text, union address *to, socklen_t *len, struct fault *f)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	char host[80];
	struct addrinfo *found;
	size_t n;

	if (strncmp(text, "unix:", 5) == 0)
		return path_parse(text + 5, text, to, len, f);
	n = colon ? (size_t)(colon - text) : 0;
	if (!n || n >= sizeof(host) || !port_is_good(colon + 1))
		return refuse(text, f);
	memcpy(host, text, n);
	host[n] = 0;
	if (host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = 0;
	} else if (strchr(host, ':')) {
		return refuse(text, f);
	}
	if (getaddrinfo(strcmp(host, "localhost") ? host : "127.0.0.1", colon + 1, &hints, &found))
		return refuse(text, f);
	*to = (union address){0};
	memcpy(to, found->ai_addr, found->ai_addrlen);
	*len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/* An address as a Host field has it; "" when it is none that a client can name. */
static void host_write(const union address *at, char *out, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	*out = 0;
	if (at->any.sa_family == AF_INET && at->v4.sin_addr.s_addr != INADDR_ANY &&
	    inet_ntop(AF_INET, &at->v4.sin_addr, text, sizeof(text)))
		snprintf(out, size, "%s", text);
	if (at->any.sa_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&at->v6.sin6_addr) &&
	    inet_ntop(AF_INET6, &at->v6.sin6_addr, text, sizeof(text)))
		snprintf(out, size, strncmp(text, "::ffff:", 7) ? "[%s]" : "%s",
			 strncmp(text, "::ffff:", 7) ? text : text + 7);
}

int listen_describe(const char *text, bool *is_local, struct fault *f)
{
	union address at;
	socklen_t len;
	int err = address_parse(text, &at, &len, f);

	if (err)
		return err;
	*is_local = at.any.sa_family == AF_UNIX ||
		    (at.any.sa_family == AF_INET &&
		     (ntohl(at.v4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET) ||
		    (at.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&at.v6.sin6_addr));
	return 0;
}

/* Takes a socket file away that nobody listens on any more. */
static void path_clear(const union address *at, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd >= 0 && lstat(at->path.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, &at->any, len) && errno == ECONNREFUSED)
		unlink(at->path.sun_path);
	if (fd >= 0)
		close(fd);
}

int listen_open(const char *text, struct fault *f)
{
	union address at;
	socklen_t len;
	int err = address_parse(text, &at, &len, f), fd, on = 1;

	if (err)
		return err;
	fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_set(f, -errno, "--listen %s: no socket: %s", text, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at.any.sa_family == AF_UNIX)
		path_clear(&at, len);
	if (bind(fd, &at.any, len) || listen(fd, BACKLOG))
		err = -errno;
	if (!err && at.any.sa_family == AF_UNIX && chmod(at.path.sun_path, 0660))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return fault_set(f, err, "--listen %s: %s; give another address or end what holds it", text,
			 strerror(-err));
}

void listen_url(int fd, const char *text, char *out, size_t size)
{
	union address at = {0};
	socklen_t len = sizeof(at);
	char host[80];

	getsockname(fd, &at.any, &len);
	if (at.any.sa_family == AF_UNIX) {
		snprintf(out, size, "%s", text);
		return;
	}
	host_write(&at, host, sizeof(host));
	snprintf(out, size, "http://%s:%u/", host[0] ? host : "127.0.0.1",
		 ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port));
}

void listen_source_of(int fd, struct listen_source *out)
{
	union address at = {0};
	socklen_t len = sizeof(at);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	*out = (struct listen_source){0};
	if (getpeername(fd, &at.any, &len))
		return;
	out->family = at.any.sa_family;
	if (at.any.sa_family == AF_INET)
		memcpy(out->addr, &at.v4.sin_addr, 4);
	if (at.any.sa_family == AF_INET6)
		memcpy(out->addr, &at.v6.sin6_addr, 16);
	if (at.any.sa_family == AF_UNIX &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		out->uid = peer.uid;
}

static int fd_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

void listen_peer(struct MHD_Connection *mhd, struct listen_source *out)
{
	listen_source_of(fd_of(mhd), out);
}

bool listen_local(struct MHD_Connection *mhd, char *out, size_t size)
{
	union address at = {0};
	socklen_t len = sizeof(at);

	if (getsockname(fd_of(mhd), &at.any, &len))
		return false;
	host_write(&at, out, size);
	return *out != 0;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a worker does with its engine's events: verdicts and facts into the kernel's maps, ended
 * flows into the tally, lines into the log; see shard_state.h. Room: agent.
 */
#include "agent/shard_state.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/kernel_counts.h"
#include "report/eve.h"

enum { EVENTS_MAX = 4 * 1024 * 1024 }; /* bytes of event lines kept until they are fetched */
/* Frames on their way when the verdict was written are through by then. */
#define LATE_WAIT_NS 20000000ULL
/* An interface may get another name. */
#define IFACE_NAME_NS 5000000000ULL

/* Writes down in the kernel what is known of a flow, for the sampler and for the next agent. */
static void fact_write(struct shard *s, const struct flow *f)
{
	struct dpi_fact fact = {.settled = f->is_settled, .proto = f->proto};
	const struct flow_name *n = f->names;

	if (n) {
		fact.source = n->source;
		fact.name_len = n->len;
		memcpy(fact.name, n->text, n->len);
	}
	live_fact_put(s->config.maps, &f->key, &fact);
}

static void verdict_write(struct shard *s, const struct event *e)
{
	uint64_t now = live_monotonic();
	uint64_t since = e->number ? e->ts_ns - s->config.clock.offset_ns : now;

	/* The kernel knows address and port rules by itself. */
	if (e->decision.kind == RULE_IP || e->decision.kind == RULE_PORT)
		return;
	live_verdict_put(s->config.maps, &e->flow->key, e->decision.rule, since);
	if (e->number && s->late_count < SHARD_LATE_MAX)
		s->late[s->late_count++] = (struct late){
			.key = e->flow->key, .since_ns = since, .due_ns = now + LATE_WAIT_NS};
}

/* What passes once the verdict is taken back is not late for it. */
static void verdict_clear(struct shard *s, const struct flow *f)
{
	size_t kept = 0;

	live_verdict_delete(s->config.maps, &f->key);
	for (size_t i = 0; i < s->late_count; i++)
		if (memcmp(&s->late[i].key, &f->key, sizeof(f->key)) != 0)
			s->late[kept++] = s->late[i];
	s->late_count = kept;
}

/* True when what the kernel has under a flow's key by now is another flow, on the same ports. */
static bool is_used_again(const struct shard *s, const struct flow *f)
{
	struct live_flow k;

	return live_flow_get(s->config.maps, &f->key, &k) == 0 &&
	       k.first_ns + s->config.clock.offset_ns > f->last_ns;
}

/* Asked of a socket that is there: the engine may open none (netdevice(7)). */
static void iface_ask(int socket, unsigned index, char name[IF_NAMESIZE])
{
	struct ifreq ask = {.ifr_ifindex = (int)index};

	name[0] = '\0';
	if (ioctl(socket, SIOCGIFNAME, &ask) == 0)
		memcpy(name, ask.ifr_name, IF_NAMESIZE);
	name[IF_NAMESIZE - 1] = '\0';
}

/* NULL: no frame is at hand, or its interface is gone. */
static const char *iface_name(struct shard *s)
{
	struct iface_name *n = &s->ifaces[s->ifindex % SHARD_IFACES];
	uint64_t now;

	if (!s->ifindex)
		return NULL;
	now = live_monotonic();
	if (n->index != s->ifindex || now >= n->due_ns) {
		n->index = s->ifindex;
		n->due_ns = now + IFACE_NAME_NS;
		iface_ask(s->config.socket, s->ifindex, n->name);
	}
	return n->name[0] ? n->name : NULL;
}

/* counted: of a flow that ends, what the kernel counted; NULL: nothing. */
static void event_line(struct shard *s, const struct event *e, const struct connection *counted)
{
	const char *type = eve_type(e);
	size_t before = s->events.len;
	uint64_t one = 1;
	struct eve_config c;

	if (!type ||
	    !event_limit_take(&s->limit, e, type, live_monotonic() + s->config.clock.offset_ns))
		return;
	c = (struct eve_config){.catalogue = s->config.catalogue,
				.rules = policy_rules(s->config.policy),
				.in_iface = iface_name(s),
				.counted = counted};
	if (before < EVENTS_MAX && eve_event(&s->events, e, &c) && !s->events.failed) {
		if (before == 0)
			(void)!write(s->config.bell, &one, sizeof(one));
		return;
	}
	s->events_lost++;
	if (s->events.failed) { /* no half lines */
		s->events.len = before;
		s->events.failed = false;
	}
}

static void flow_ended(struct shard *s, const struct event *e)
{
	const struct flow *f = e->flow;
	bool is_another = is_used_again(s, f);
	struct connection c;

	if (connection_of_flow(&c, f))
		return;
	if (!is_another)
		kernel_counts_row(s->config.maps, &s->config.clock, s->config.policy, &c);
	event_line(s, e, &c);
	tally_add_connection(s->tally, &c);
	if (!shard_copy_ended(s, f, &c))
		connection_clear(&c);
	if (!is_another)
		live_flow_forget(s->config.maps, &f->key);
}

void shard_event(void *ctx, const struct event *e)
{
	struct shard *s = ctx;

	switch (e->type) {
	case EVENT_VERDICT: verdict_write(s, e); break;
	case EVENT_CLEARED:
		/* Inspection goes on: the sampler must know. */
		verdict_clear(s, e->flow);
		fact_write(s, e->flow);
		break;
	case EVENT_NAMED:
	case EVENT_SETTLED: fact_write(s, e->flow); break;
	case EVENT_FLOW_CLOSED:
		/* At the end of the process a flow goes on: the next engine adopts it. */
		if (!s->is_stopping)
			flow_ended(s, e);
		return;
	case EVENT_MESSAGE: tally_event(s->tally, e); break;
	default: break;
	}
	event_line(s, e, NULL);
}

bool shard_last_seen(void *ctx, const struct dpi_key *key, uint64_t *ts_ns)
{
	struct shard *s = ctx;
	struct dpi_verdict v;
	struct live_flow k;

	/* A verdict ends when its own time is up, and the frame at hand may be the next flow's. */
	if (live_verdict_get(s->config.maps, key, &v) == 0)
		k.last_ns = v.last_ns;
	else if (live_flow_get(s->config.maps, key, &k))
		return false;
	*ts_ns = k.last_ns + s->config.clock.offset_ns;
	return true;
}

void shard_verdict_keep(struct shard *s, const struct flow *f)
{
	struct dpi_verdict v;

	if (f->decision.kind == RULE_IP || f->decision.kind == RULE_PORT ||
	    (live_verdict_get(s->config.maps, &f->key, &v) == 0 && !v.is_untold))
		return;
	live_verdict_put(s->config.maps, &f->key, f->decision.rule,
			 flow_rare(f)->verdict_ns - s->config.clock.offset_ns);
}

void shard_late_count(struct shard *s, uint64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->late_count; i++) {
		struct late *l = &s->late[i];
		bool is_least;

		if (now < l->due_ns) {
			s->late[kept++] = *l;
			continue;
		}
		engine_note_late(s->engine, &l->key,
				 live_flow_late(s->config.maps, &l->key, l->since_ns, &is_least));
	}
	s->late_count = kept;
}

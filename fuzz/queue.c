/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c -- the queue against a model: the input is a list of operations by an owner and two miners, on plain tasks or (first
 * byte odd) sealed ones, with a store that fails now and then; after each the task's state in the store is what spec/states.md makes of it.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "router.h"

#define TASKS_MAX    6
#define OPS_MAX      60
#define ACK_MS       10000
#define PRECOMMIT_MS 120000
#define COMMIT_MS    30000
#define TIMEOUT_MS   300000
#define RETENTION_MS 86400000
#define WAIT_MS      20000
#define ATTEMPTS_MAX 8
#define UNHEARD_MS   500
#define INPUT        "{\"document\":\"pinf-input-1\",\"prompt\":\"x\"}"
#define RESULT(text)                                                                               \
	"{\"completion_tokens\":1,\"document\":\"pinf-result-1\",\"finish_reason\":\"stop\","      \
	"\"model\":\"m\",\"prompt_tokens\":1,\"text\":\"" text "\"}"

static const char *const results[] = {RESULT("y"), RESULT("z")};

enum op { SUBMIT, CLAIM, ACK, PRECOMMIT, COMMIT, RELEASE, WAIT, OPS };
/* From 224 on a choice is one of these, and its two lowest bits choose within. */
enum rare {
	CLAIM_ANY,
	CLAIM_WAITING,
	COMMIT_BLOB,
	OTHER_RESULT,
	ALLOW,
	STORE_FAILS,
	ODD_RESULT,
	UNHEARD,
	RARES
};

/* What is wrong with a result's metadata: sealed where it must not be or not where it must, and so on. */
enum odd { NOT_ODD, ODD_SUITE, ODD_SCOPE, ODD_VERSION, ODD_URN, ODD_STORAGE };
#define FIRST_RARE 224

/* A task as the pages have it. */
struct model {
	enum pinf_task_state state;
	unsigned attempt, miner; /* miner: who had the last lease */
	unsigned result; /* which one was promised */
	bool by_blob; /* how it came */
	uint64_t due_ms, deadline_ms;
};

struct waiting {
	unsigned miner;
	uint64_t until_ms;
};

struct game {
	struct fuzz_router r;
	struct model tasks[TASKS_MAX]; /* in the queue's order: task i + 1 */
	size_t count;
	struct waiting waiting[FUZZ_WAITERS]; /* miners; who came first is first */
	size_t waiters;
	uint64_t session; /* 1, whose tasks are plain, or 2 */
	bool is_sealed; /* session 2 */
	uint64_t second; /* look at the same blob; 0: none */
	bool is_private, listed[FUZZ_MINERS];
};

/* What a miner does to its attempt. */
struct act {
	enum op op;
	size_t which;
	unsigned miner, result;
	bool former, by_blob; /* an attempt before; the result by URN, as sealed ones are */
	enum odd odd;
	enum pinf_err outcome; /* of the look at the blob */
	uint64_t late_ms; /* that it takes */
	unsigned fails_in; /* the store's call that fails then */
	bool twice; /* sent again meanwhile: by URN, or inline where it may be */
};

static bool
is_leased(const struct model *t)
{
	return t->state >= PINF_TASK_ASSIGNED && t->state <= PINF_TASK_PRECOMMITTED;
}

static void
give_back(struct model *t)
{
	t->state = t->attempt >= ATTEMPTS_MAX ? PINF_TASK_FAILED : PINF_TASK_CREATED;
	t->due_ms = 0;
}

static void
lease(struct game *g, struct model *t, unsigned miner)
{
	t->state = PINF_TASK_ASSIGNED;
	t->miner = miner;
	t->attempt++;
	t->due_ms = g->r.now_ms + ACK_MS;
}

/* The oldest that waits; TASKS_MAX: none. */
static size_t
oldest(const struct game *g)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->tasks[i].state == PINF_TASK_CREATED)
			return i;
	return TASKS_MAX;
}

/* What waits in the clear in a session that has turned private is nobody's: the first to find it fails it. */
static void
bar(struct game *g)
{
	for (size_t i = 0; i < g->count && !g->is_sealed; i++)
		if (g->tasks[i].state == PINF_TASK_CREATED)
			g->tasks[i].state = PINF_TASK_FAILED;
}

/* Whether what waits is for that miner. */
static bool
may_have(const struct game *g, unsigned miner)
{
	return g->is_private ? g->is_sealed && g->listed[miner] : true;
}

/* To those who wait, first come first served; then those go whose time is over. */
static void
serve(struct game *g, bool news)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->waiters; i++) {
		const struct waiting w = g->waiting[i];
		const size_t task = oldest(g);

		if (news && g->is_private && g->listed[w.miner])
			bar(g);
		if (news && may_have(g, w.miner) && task < TASKS_MAX)
			lease(g, &g->tasks[task], w.miner);
		else if (w.until_ms > g->r.now_ms)
			g->waiting[kept++] = w;
	}
	g->waiters = kept;
}

/* What time does, to each task by itself; whether something can be claimed again. */
static bool
age(struct game *g)
{
	bool news = false;

	for (size_t i = 0; i < g->count; i++) {
		struct model *t = &g->tasks[i];

		if (t->state < PINF_TASK_COMMITTED && g->r.now_ms >= t->deadline_ms) {
			t->state = PINF_TASK_EXPIRED;
		} else if (is_leased(t) && g->r.now_ms >= t->due_ms) {
			give_back(t);
			news |= t->state == PINF_TASK_CREATED;
		} else if (t->state == PINF_TASK_COMMITTED && g->r.now_ms >= t->due_ms) {
			t->state = PINF_TASK_CLOSED;
		}
	}
	return news;
}

/* Whether the store failed: the request was undone, and the router says that it may be sent again. */
static bool
was_undone(const struct game *g)
{
	fuzz_check(!g->r.is_over || g->r.status == 503 || g->r.status == 507,
	    "a store's failure is the router's");
	return g->r.is_over;
}

static void
submit(struct game *g)
{
	struct pinf_api_request *rq;
	const bool refused = g->is_private && !g->is_sealed;

	if (g->count == TASKS_MAX)
		return;
	rq = fuzz_request(PINF_EP_COMPLETION);
	rq->session = g->session;
	rq->api_version = g->is_sealed ? 2 : 3;
	rq->timeout_ms = TIMEOUT_MS;
	if (pinf_bytes_append(&rq->document, INPUT, strlen(INPUT)) != PINF_OK)
		abort();
	pinf_sha256(&rq->document_sha256, pinf_span_of(&rq->document));
	fuzz_router_ask(&g->r, &g->r.owner, rq);
	if (was_undone(g))
		return;
	fuzz_check(g->r.status == (refused ? 403 : 0), "a caller waits");
	fuzz_router_sealed(&g->r);
	if (refused)
		return;
	g->tasks[g->count++] =
	    (struct model){.state = PINF_TASK_CREATED, .deadline_ms = g->r.now_ms + TIMEOUT_MS};
	serve(g, true);
}

static void
claim(struct game *g, unsigned miner, bool any, bool waits)
{
	struct pinf_api_request *rq = fuzz_request(PINF_EP_CLAIM);
	const size_t task = may_have(g, miner) ? oldest(g) : TASKS_MAX;
	const bool refused = g->is_private && !g->listed[miner] && !any;
	const bool is_full = g->waiters == FUZZ_WAITERS;

	rq->session = any ? 0 : g->session;
	rq->wait_ms = waits ? WAIT_MS : 0;
	fuzz_router_ask(&g->r, &g->r.miners[miner], rq);
	if (was_undone(g))
		return;
	fuzz_check(g->r.status == (refused               ? 403
				      : task < TASKS_MAX ? 200
				      : !waits           ? 204
				      : is_full          ? 503
							 : 0),
	    "who claims gets a task while there is one");
	if (refused || g->r.status == 503)
		return;
	if (g->is_private && g->listed[miner] && !(waits && is_full))
		bar(g);
	if (task < TASKS_MAX)
		lease(g, &g->tasks[task], miner);
	else if (waits)
		g->waiting[g->waiters++] = (struct waiting){miner, g->r.now_ms + WAIT_MS};
}

static void
allow(struct game *g, unsigned miner)
{
	struct pinf_api_request *rq = fuzz_request(PINF_EP_SESSION_ALLOW);

	rq->session = g->session;
	rq->miner = g->r.miners[miner].address;
	fuzz_router_ask(&g->r, &g->r.owner, rq);
	if (was_undone(g))
		return;
	fuzz_check(g->r.status == 200, "the first miner allowed makes it private");
	g->is_private = g->listed[miner] = true;
	serve(g, true);
}

/* A lease that came too late, or is said to have: of this attempt, of the one before, or of no task at all. */
static void
unheard(struct game *g, size_t which, unsigned how)
{
	struct model *t = &g->tasks[which];
	const bool former = (how & 1) != 0, nowhere = (how & 2) != 0;

	fuzz_router_gone(
	    &g->r, &(struct pinf_lease_ref){g->session, nowhere ? TASKS_MAX + 1 : which + 1,
		       t->attempt - (former && t->attempt > 0)});
	if (!former && !nowhere && t->state == PINF_TASK_ASSIGNED &&
	    t->due_ms > g->r.now_ms + UNHEARD_MS)
		t->due_ms = g->r.now_ms + UNHEARD_MS;
}

/* The result as the queue has it. */
static void
describe(
    const struct game *g, const struct pinf_task *task, const struct act *a, struct pinf_payload *p)
{
	const char *text = results[a->result];

	*p = (struct pinf_payload){.size = strlen(text)};
	pinf_sha256(&p->sha256, pinf_span_str(text));
	if (a->by_blob) {
		struct pinf_hash named = p->sha256;

		named.bytes[0] ^= a->odd == ODD_URN;
		fuzz_check(pinf_urn_of_blob(p->urn,
			       &(struct pinf_storage){
				   "fs", a->odd == ODD_STORAGE ? "else" : "local", "pinf"},
			       &named) == PINF_OK,
		    "a URN");
	} else {
		p->inline_len = (uint32_t)strlen(text);
		memcpy(p->inline_data, text, p->inline_len);
	}
	if (g->is_sealed == (a->odd == ODD_SUITE))
		return;
	p->suite = PINF_SUITE_AES256GCM;
	p->key_version = task->key_version - (a->odd == ODD_VERSION);
	p->scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_RESULT,
	    .session = task->session,
	    .task = task->id + (a->odd == ODD_SCOPE),
	    .attempt = task->attempt,
	    .miner = g->r.miners[a->miner].address};
	memcpy(p->scope.instance, task->instance, sizeof p->scope.instance);
}

/* The miner's signature over it and over what the store has. */
static void
sign(struct game *g, const struct pinf_task *task, const struct act *a, struct pinf_api_request *rq)
{
	const struct pinf_api_config config = pinf_router_api_config(g->r.core);
	struct pinf_result_claim said = {.router = config.router,
	    .domain = config.domain,
	    .session = task->session,
	    .task = task->id,
	    .attempt = task->attempt,
	    .epoch = task->epoch,
	    .input_sha256 = task->input.sha256,
	    .key_version = task->key_version};
	struct pinf_hash digest;

	describe(g, task, a, &rq->payload);
	rq->result_sha256 = said.result_sha256 = rq->payload.sha256;
	if (a->op == COMMIT)
		said.result_urn = pinf_span_str(rq->payload.urn);
	pinf_result_digest(&digest, &said);
	fuzz_check(pinf_wallet_sign(&rq->signature, &g->r.miners[a->miner], &digest) == PINF_OK,
	    "it signs");
}

/* Whether the pages allow it, and then what becomes of the task. */
static bool
model_step(struct game *g, struct model *t, const struct act *a)
{
	const enum pinf_task_state from = t->state;

	if (a->op == RELEASE && is_leased(t)) {
		give_back(t);
		return true;
	}
	if (a->op == ACK && from == PINF_TASK_ASSIGNED) {
		t->state = PINF_TASK_ACKNOWLEDGED;
		t->due_ms = g->r.now_ms + PRECOMMIT_MS;
	} else if (a->op == PRECOMMIT && from == PINF_TASK_ACKNOWLEDGED) {
		t->state = PINF_TASK_PRECOMMITTED;
		t->due_ms = g->r.now_ms + COMMIT_MS;
		t->result = a->result;
	} else if (a->op == COMMIT && from == PINF_TASK_PRECOMMITTED) {
		if (a->result != t->result || a->odd != NOT_ODD)
			return false;
		t->state = PINF_TASK_COMMITTED;
		t->by_blob = a->by_blob;
		t->due_ms = g->r.now_ms + RETENTION_MS;
	} else {
		/* An answer that was lost: said again. */
		return (a->op == ACK && from == PINF_TASK_ACKNOWLEDGED) ||
		       (a->op == PRECOMMIT && from == PINF_TASK_PRECOMMITTED &&
			   a->result == t->result) ||
		       (a->op == COMMIT &&
			   (from == PINF_TASK_COMMITTED || from == PINF_TASK_CLOSED) &&
			   a->result == t->result && a->by_blob == t->by_blob && a->odd == NOT_ODD);
	}
	return true;
}

static void
send(struct game *g, const struct act *a, unsigned attempt)
{
	static const enum pinf_endpoint endpoints[] = {[ACK] = PINF_EP_ACK,
	    [PRECOMMIT] = PINF_EP_PRECOMMIT,
	    [COMMIT] = PINF_EP_COMMIT,
	    [RELEASE] = PINF_EP_RELEASE};
	struct pinf_api_request *rq = fuzz_request(endpoints[a->op]);
	struct pinf_task task;

	fuzz_check(fuzz_router_task(g->session, a->which + 1, &task), "the task is there");
	rq->session = g->session;
	rq->task = a->which + 1;
	rq->attempt = attempt;
	sign(g, &task, a, rq);
	fuzz_router_ask(&g->r, &g->r.miners[a->miner], rq);
}

/*
 * Sent again while the blob is looked at.  By URN, it is looked at a second time, which finds the same; inline there is nothing to
 * look at: it is accepted (true), and what the first look finds comes too late.
 */
static bool
send_twice(struct game *g, struct model *t, const struct act *a)
{
	const uint64_t first = g->r.next_request, check = g->r.check;
	struct act again = *a;

	again.by_blob = g->is_sealed;
	send(g, &again, t->attempt);
	fuzz_check(g->r.status == (g->is_sealed ? 0 : 200), "what needs no look is accepted");
	if (g->is_sealed)
		g->second = g->r.check;
	g->r.watched = first;
	g->r.status = 0;
	g->r.check = check;
	if (g->is_sealed)
		return false;
	(void)model_step(g, t, &again);
	fuzz_router_checked(&g->r, a->outcome);
	fuzz_check(g->r.status >= 400, "the first to be accepted is the result");
	return true;
}

/* The blob of a result is looked at, which takes its time; then everything is decided again. */
static bool
look(struct game *g, struct model *t, const struct act *a)
{
	bool accepted;

	if (a->twice && send_twice(g, t, a))
		return false;
	g->r.now_ms += a->late_ms;
	g->r.fails_in = a->fails_in;
	accepted = a->outcome == PINF_OK && g->r.now_ms < t->due_ms && g->r.now_ms < t->deadline_ms;
	fuzz_router_checked(&g->r, a->outcome);
	if (g->r.is_over)
		return false;
	if (g->second != 0) {
		g->r.check = g->second;
		g->second = 0;
		fuzz_router_checked(&g->r, a->outcome);
	}
	if (accepted) {
		t->state = PINF_TASK_COMMITTED;
		t->by_blob = true;
		t->due_ms = g->r.now_ms + RETENTION_MS;
	}
	serve(g, age(g));
	return accepted;
}

static void
act(struct game *g, const struct act *a)
{
	struct model *t = &g->tasks[a->which];
	const struct model before = *t;
	const bool holds = a->miner == t->miner && !a->former && t->attempt > 0 &&
			   may_have(g, a->miner) &&
			   (is_leased(t) || (a->op == COMMIT && t->state >= PINF_TASK_COMMITTED &&
						t->state <= PINF_TASK_CLOSED));
	bool allowed;

	allowed = holds && model_step(g, t, a);
	g->r.check = 0;
	send(g, a, before.attempt - (a->former && before.attempt > 0));
	if (was_undone(g)) {
		*t = before;
		return;
	}
	if (g->r.check != 0) {
		fuzz_check(allowed && g->r.status == 0 && before.state == PINF_TASK_PRECOMMITTED,
		    "only what could be accepted is looked at");
		*t = before;
		allowed = look(g, t, a);
		if (g->r.is_over)
			return;
	}
	fuzz_check(
	    (g->r.status == 200) == allowed, "what the pages allow is done, and nothing else");
	if (t->state == PINF_TASK_CREATED && before.state != PINF_TASK_CREATED)
		serve(g, true);
}

static void
compare(const struct game *g)
{
	struct pinf_task task;

	for (size_t i = 0; i < g->count; i++) {
		fuzz_check(fuzz_router_task(g->session, i + 1, &task), "the task is there");
		fuzz_check(task.state == g->tasks[i].state, "its state is the model's");
		fuzz_check(task.attempt == g->tasks[i].attempt, "and its attempt");
		if (is_leased(&g->tasks[i]))
			fuzz_check(task.due_ms == g->tasks[i].due_ms, "and its lease's end");
	}
}

/* An operation that few inputs have. */
static void
play_rare(struct game *g, struct fuzz_input *in, uint8_t choice)
{
	const unsigned low = choice & 3;
	struct act a = {.op = COMMIT, .result = low & 1, .by_blob = g->is_sealed};
	uint8_t how;

	a.miner = low >> 1;
	if (g->count > 0)
		a.which = fuzz_byte(in) % g->count;
	switch ((choice - FIRST_RARE) / 4 % RARES) {
	case CLAIM_ANY: claim(g, low % FUZZ_MINERS, true, low > 1); return;
	case CLAIM_WAITING: claim(g, low % FUZZ_MINERS, false, true); return;
	case ALLOW: allow(g, low % FUZZ_MINERS); return;
	case UNHEARD:
		if (g->count > 0)
			unheard(g, a.which, low);
		return;
	case STORE_FAILS: g->r.fails_in = 1 + fuzz_byte(in) % 12; return;
	case COMMIT_BLOB:
		a.by_blob = true;
		a.outcome = (low & 1) != 0 ? PINF_E_HASH_MISMATCH : PINF_OK;
		how = fuzz_byte(in);
		a.result = how & 1;
		a.late_ms = (how & 2) != 0 ? COMMIT_MS : 0;
		a.twice = (how & 4) != 0;
		a.fails_in = how >> 4;
		break;
	case ODD_RESULT:
		a.odd = (enum odd)(1 + fuzz_byte(in) % ODD_STORAGE);
		/* What a plain result has no place for is not odd. */
		if (!g->is_sealed && (a.odd == ODD_SCOPE || a.odd == ODD_VERSION))
			a.odd = ODD_SUITE;
		a.by_blob |= a.odd >= ODD_URN;
		break;
	case OTHER_RESULT:
		a.op = (low & 1) != 0 ? PRECOMMIT : COMMIT;
		a.result = 1;
		break;
	default: return;
	}
	if (g->count > 0)
		act(g, &a);
}

static void
play(struct game *g, struct fuzz_input *in)
{
	static const uint64_t waits_ms[] = {
	    1, 5000, ACK_MS, COMMIT_MS, 60000, PRECOMMIT_MS, TIMEOUT_MS, RETENTION_MS};
	const uint8_t choice = fuzz_byte(in);
	const enum op op = (enum op)(choice % OPS);
	const unsigned more = choice / OPS;

	if (choice >= FIRST_RARE) {
		play_rare(g, in, choice);
	} else if (op == SUBMIT) {
		submit(g);
	} else if (op == WAIT) {
		/* A timer that fails is tried again: there is no answer to look at. */
		g->r.fails_in = 0;
		fuzz_router_wait(&g->r, waits_ms[more % 8]);
		serve(g, age(g));
	} else if (op == CLAIM) {
		claim(g, more % FUZZ_MINERS, false, false);
	} else if (g->count > 0) {
		act(g, &(struct act){.op = op,
			   .which = more / 4 % g->count,
			   .miner = more % FUZZ_MINERS,
			   .by_blob = g->is_sealed,
			   .former = more / 2 % 2 != 0 && more > 24});
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct game g = {.count = 0};

	g.is_sealed = g.is_private = g.listed[0] = (fuzz_byte(&in) & 1) != 0;
	g.session = g.is_sealed ? 2 : 1;
	fuzz_router_open(&g.r);
	for (unsigned i = 0; i < OPS_MAX && in.size > 0 && !g.r.is_over; i++) {
		play(&g, &in);
		if (!g.r.is_over)
			compare(&g);
	}
	fuzz_router_close(&g.r);
	return 0;
}

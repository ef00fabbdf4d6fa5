/*
 * signoff_provider.h - what a signoff provider and its host say to each other.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A provider knows one vendor's API: which request logs a user out, which answer means what. It does nothing
 * itself. It opens no socket, starts no thread, reads no clock and never sees a password. It is a state machine,
 * and the host turns the crank: it asks for the next step, does what the step says, and reports what came of it.
 * So a provider can be tested with a list of inputs, and the host can promise for all of them alike that requests
 * are paced, written down before they leave, held back in a plan, and repeated only when that is harmless.
 *
 * This file is plain C99 and equally C++11. It needs no other file of the project. What follows in this comment is
 * all there is to know beside the structures themselves.
 *
 *
 * THE CRANK
 *
 * A shared library exports one function, signoff_provider_v1(), which gives a table of functions. The host
 * - calls describe() and checks the options of a connection against it,
 * - calls provider_new() once for each connection,
 * - calls op_new() for each operation on each user, and then, until the operation is at its end,
 *
 *       poll:  op_poll(op, now, &step)
 *              REQUEST    send it, later answer with RESPONSE, FAILURE or HELD     -> poll again at once
 *              RECORD     keep a row of the answer                                 -> poll again at once
 *              SUBSCRIBE  listen to the vendor's notifications about a user        -> poll again at once
 *              WAIT       nothing to do until that time, or until an input         -> poll then
 *              FINISHED   the outcome                                              -> op_free(op)
 *       input: op_input(op, now, &input), then poll
 *
 * Several requests may be outstanding; the provider numbers them, and each answer repeats the number. A number is
 * used once in an operation, for requests and subscriptions together. Every input may come at any time, also one
 * that was not asked for: a provider ignores what it does not expect.
 *
 * The host may stop turning and free an operation whenever it likes.
 *
 *
 * OWNERSHIP
 *
 * Nobody frees the other side's memory, and no allocator is shared. What is passed to a function is borrowed for
 * that call: copy what you keep. What a step points to stays with the provider, and the host reads it before its
 * next call on that operation. What describe() and signoff_provider_v1() give lives as long as the process:
 * libraries are never unloaded.
 *
 * The one thing that a provider writes to is what the host hands it for writing: result pointers, the class in
 * classify(), and the buffer for an error text.
 *
 *
 * THREADS
 *
 * Each function says who may call it:
 *   [main-thread]  the thread that loads libraries, before any other call.
 *   [any-thread]   any thread, several at once: the function is thread-safe.
 *   [op-thread]    one thread at a time for each operation, though not always the same one: no thread-local state.
 *                  Different operations of one provider run at once on different threads.
 * No function may block. provider_free() comes after the last of its operations was freed.
 *
 *
 * GROWTH
 *
 * The major version is in the name of the exported function; within it nothing changes its meaning and structures
 * only ever grow at their end. So every structure that is passed by pointer starts with `size`: whoever writes it
 * puts sizeof there, as his header has it; whoever reads takes no more than the smaller of that and his own sizeof,
 * and takes what is missing as zero bytes. Where several of them are passed, it is as an array of pointers, so that
 * the reader needs not know their size. No structure ends in padding on a 64-bit target; where one does on another, the
 * padding counts as taken. Set reserved members and unused ones to zero.
 *
 * The frozen types have no size, and never change in this major version: signoff_now, signoff_text, signoff_bytes,
 * signoff_texts, signoff_pair, signoff_pairs, signoff_value, signoff_payload, signoff_values, signoff_field and
 * signoff_fields.
 *
 * Kinds are uint32_t constants. 0 is never one of them, so a forgotten member is noticed; a value that the reader
 * does not know is an error of that step. (A result code is the exception: SIGNOFF_OK is 0.) What a provider knows
 * beyond this file it offers through extension(), under an id such as "signoff.feed/1".
 *
 *
 * VALUES
 *
 * Text is UTF-8, not terminated, and says its length. A text of length 0 may have data NULL. Where a text is marked
 * `optional`, data NULL means that there is none, which differs from an empty one. Truth values are uint32_t, 0 or
 * 1. Lengths of time are nanoseconds. Moments are nanoseconds of the host's monotonic clock (comparable within one
 * process only), or where the name ends in _unix_ms, milliseconds since 1970-01-01T00:00:00Z. Numbers are finite.
 * Lists and maps nest no deeper than 16.
 *
 *
 * SECRETS
 *
 * A provider names a credential and says where it goes into a request; the host puts it there. Secret attributes of
 * a user (a device token, a personal key) reach a provider as handles, numbers of no meaning, which are placed in the
 * same way. Nothing in this file can hold a secret.
 *
 *
 * FAILURE
 *
 * What happens in the world is an outcome: a user who may not be logged out, a vendor who does not answer. Misuse is
 * a result code other than SIGNOFF_OK with a text, cut to fit and ended by a NUL, in the caller's buffer: an option
 * that does not fit, an operation that does not exist, a NULL where there must be none. No exception and no unwinding
 * may leave a function: catch it, remember that the provider is no good any more, and return
 * SIGNOFF_ERROR_POISONED from every later call that can.
 *
 * The host checks everything that it is given. A provider that breaks a rule of this file ends the operation, and the
 * host names the provider and the rule. Beside what is said at each structure, these are:
 * - only an operation that is declared to write asks for a WRITE, and every WRITE has a part name;
 * - records come from an operation that is declared to yield them, and no more than one where it yields one;
 * - a feed (SIGNOFF_FEED_EXTENSION) neither writes nor subscribes;
 * - no WAIT for ever while nothing is outstanding, and nothing is sent after CANCEL;
 * - without an input in between, no more than 100,000 records, and no more than 1,000 requests, subscriptions and waits
 *   for a moment that has passed; HELD and FEED_REFUSED, which come at once, do not count as one;
 * - no line break and no NUL in a method, path, query, header, placement, part name or request id, and in a header no
 *   control character but the tab;
 * - neither CONNECT nor TRACE;
 * - of the headers that the host writes, only Authorization and Cookie may be named, and only as a placement;
 * - a secret is one that came with the arguments of the same operation;
 * - one call brings no more than 1,000,000 values and 256 MiB.
 */

#ifndef SIGNOFF_PROVIDER_H
#define SIGNOFF_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The major version that this file describes. */
#define SIGNOFF_ABI_MAJOR UINT32_C(1)

/* The name of the exported function. */
#define SIGNOFF_ENTRY_POINT "signoff_provider_v1"

/* Put it before the exported function, so that it is visible however the library is built. */
#if defined(_WIN32)
#define SIGNOFF_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define SIGNOFF_EXPORT __attribute__((visibility("default")))
#else
#define SIGNOFF_EXPORT
#endif

/* A moment that never comes: as `until` and as `not_after`. */
#define SIGNOFF_NEVER UINT64_MAX

/* ---- result codes ------------------------------------------------------------------------------------------- */

#define SIGNOFF_OK UINT32_C(0)
#define SIGNOFF_ERROR_OPTIONS UINT32_C(1)           /* the options of the connection do not fit each other */
#define SIGNOFF_ERROR_UNKNOWN_OPERATION UINT32_C(2) /* the text is the operation's name */
#define SIGNOFF_ERROR_ARGUMENTS UINT32_C(3)         /* the arguments do not fit each other */
#define SIGNOFF_ERROR_POISONED UINT32_C(4)          /* the provider failed, now or earlier, and is not to be used */
#define SIGNOFF_ERROR_CONTRACT UINT32_C(5)          /* the caller breaks a rule of this file */

/* ---- frozen types ------------------------------------------------------------------------------------------- */

/* The two clocks of the host at the moment of a call. A provider has no other. */
typedef struct signoff_now {
    uint64_t monotonic; /* only ever moves forward; for waiting, deadlines and ages */
    int64_t unix_ms;    /* the wall clock; for comparing with the vendor's times */
} signoff_now;

typedef struct signoff_text {
    const char *data;
    size_t length; /* in bytes */
} signoff_text;

typedef struct signoff_bytes {
    const uint8_t *data;
    size_t length;
} signoff_bytes;

typedef struct signoff_texts {
    const signoff_text *data;
    size_t length;
} signoff_texts;

/* A header or a query parameter. */
typedef struct signoff_pair {
    signoff_text name;
    signoff_text value;
} signoff_pair;

typedef struct signoff_pairs {
    const signoff_pair *data;
    size_t length;
} signoff_pairs;

typedef struct signoff_value signoff_value;
typedef struct signoff_field signoff_field;

typedef struct signoff_values {
    const signoff_value *data;
    size_t length;
} signoff_values;

typedef struct signoff_fields {
    const signoff_field *data;
    size_t length;
} signoff_fields;

/* signoff_value.kind, and which member of the payload holds it */
#define SIGNOFF_VALUE_NULL UINT32_C(1)     /* none */
#define SIGNOFF_VALUE_BOOLEAN UINT32_C(2)  /* boolean */
#define SIGNOFF_VALUE_INTEGER UINT32_C(3)  /* integer */
#define SIGNOFF_VALUE_NUMBER UINT32_C(4)   /* number */
#define SIGNOFF_VALUE_DURATION UINT32_C(5) /* duration */
#define SIGNOFF_VALUE_TEXT UINT32_C(6)     /* text; ids are always text */
#define SIGNOFF_VALUE_LIST UINT32_C(7)     /* list */
#define SIGNOFF_VALUE_MAP UINT32_C(8)      /* map, in order */
#define SIGNOFF_VALUE_SECRET UINT32_C(9)   /* secret */

typedef union signoff_payload {
    uint32_t boolean;
    int64_t integer;
    double number;
    uint64_t duration;
    signoff_text text;
    signoff_values list;
    signoff_fields map;
    uint32_t secret; /* a handle */
} signoff_payload;

struct signoff_value {
    uint32_t kind;
    signoff_payload payload;
};

struct signoff_field {
    signoff_text name; /* lower case with underscores, as scripts and JSON show it */
    signoff_value value;
};

/* ---- the descriptor ----------------------------------------------------------------------------------------- */

/* signoff_parameter.kind */
#define SIGNOFF_PARAMETER_TEXT UINT32_C(1)
#define SIGNOFF_PARAMETER_BOOLEAN UINT32_C(2)
#define SIGNOFF_PARAMETER_INTEGER UINT32_C(3)
#define SIGNOFF_PARAMETER_DURATION UINT32_C(4) /* written 500ms, 30s, 15m, 2h */
#define SIGNOFF_PARAMETER_LIST UINT32_C(5)     /* of texts */

/* An option of a connection or of an operation. */
typedef struct signoff_parameter {
    uint32_t size;
    uint32_t kind;
    uint32_t required;          /* 1: must be given */
    uint32_t reserved;
    signoff_text name;          /* lower case with underscores */
    signoff_text default_value; /* optional; as a configuration file writes it */
    signoff_texts choices;      /* the only texts it takes; none: any */
    signoff_text help;          /* one line */
} signoff_parameter;

/* signoff_operation.target */
#define SIGNOFF_TARGET_USER UINT32_C(1)       /* one user */
#define SIGNOFF_TARGET_CONNECTION UINT32_C(2) /* the connection as a whole; there is no user */

/* signoff_operation.yields */
#define SIGNOFF_YIELDS_OUTCOME UINT32_C(1) /* no record */
#define SIGNOFF_YIELDS_RECORD UINT32_C(2)  /* one record at most */
#define SIGNOFF_YIELDS_RECORDS UINT32_C(3) /* any number of records */

typedef struct signoff_operation {
    uint32_t size;
    uint32_t writes; /* 1: may send requests of SIGNOFF_EFFECT_WRITE */
    uint32_t target;
    uint32_t yields;
    signoff_text name;    /* lower case with underscores: a script calls it as a method */
    signoff_text summary; /* one line */
    const signoff_parameter *const *parameters;
    size_t parameter_count;
} signoff_operation;

/* An endpoint is an ordered list of origins in the configuration; a request names it, never a URL. */
typedef struct signoff_endpoint {
    uint32_t size;
    uint32_t required;
    signoff_text name; /* the key in the configuration */
    signoff_text help; /* one line */
} signoff_endpoint;

/* signoff_descriptor.credentials, signoff_context.actor_kind */
#define SIGNOFF_CREDENTIAL_BASIC UINT32_C(1)  /* a user name and a password */
#define SIGNOFF_CREDENTIAL_BEARER UINT32_C(2) /* a token that goes with `Bearer` */
#define SIGNOFF_CREDENTIAL_KEY UINT32_C(3)    /* a key that goes into a header, a query or a body as it is */

/* How a refresh token becomes a new token, at the endpoint of its login. The answer may hold a new refresh token, where
 * the login's answer holds it. */
typedef struct signoff_refresh {
    uint32_t size;
    uint32_t reserved;
    signoff_text method;        /* upper case */
    signoff_text path;          /* starts with a slash */
    signoff_text content_type;  /* as that of a login */
    signoff_text body;          /* {refresh_token} stands where it goes */
    signoff_text token_pointer; /* JSON pointer to the token in the answer */
} signoff_refresh;

/*
 * How a credential becomes a token. The host sends this, keeps the token, and renews it.
 *
 * In the body {username} and {password} stand where these go, and any other {name} where a field of that name goes,
 * which the credential must then give. Names are of letters, digits and underscores; other braces are as they are. The
 * host encodes each as the content type wants it; in JSON a placeholder stands within quotes.
 */
typedef struct signoff_login {
    uint32_t size;
    uint32_t reserved;
    signoff_text name;              /* lower case; credentials refer to it */
    signoff_text endpoint;          /* a declared one */
    signoff_text method;            /* upper case */
    signoff_text path;              /* starts with a slash */
    signoff_text content_type;      /* application/json or application/x-www-form-urlencoded */
    signoff_text body;              /* with placeholders */
    signoff_text token_pointer;     /* JSON pointer to the token in the answer */
    signoff_text expires_pointer;   /* JSON pointer to its life in seconds; empty: it tells by itself, or lasts */
    signoff_text refresh_pointer;   /* JSON pointer to the refresh token in the answer; empty: there is none */
    const signoff_refresh *refresh; /* NULL: a new token comes by logging in again */
} signoff_login;

/* signoff_descriptor.acts_on */
#define SIGNOFF_ACTS_ON_USER UINT32_C(1)             /* a logout concerns the user it names */
#define SIGNOFF_ACTS_ON_CREDENTIAL_OWNER UINT32_C(2) /* it concerns whoever owns the credential */

/* What a provider says of itself: checks, help, types for editors and limits are all made from it. */
typedef struct signoff_descriptor {
    uint32_t size;
    uint32_t acts_on;
    uint32_t state_can_be_asked; /* 1: a user's state can be read */
    uint32_t concurrency;        /* requests in flight that are kind to the vendor; at least 1 */
    double rate;                 /* requests a second that are kind to the vendor; 0: no limit */
    uint64_t timeout;            /* of one exchange, unless the configuration says otherwise; not 0 */
    uint64_t settle;             /* the longest that the vendor takes to apply a request it has received */
    signoff_text id;             /* lower case; how configurations name it */
    signoff_text name;           /* the vendor's product, as people call it */
    signoff_text version;        /* of the provider: major.minor.patch */
    signoff_text summary;        /* one line */
    const signoff_parameter *const *options; /* of a connection */
    size_t option_count;
    const signoff_operation *const *operations;
    size_t operation_count;
    const signoff_endpoint *const *endpoints;
    size_t endpoint_count;
    const uint32_t *credentials; /* kinds that the vendor takes */
    size_t credential_count;
    const signoff_login *const *logins;
    size_t login_count;
    signoff_texts secret_attributes; /* names of user attributes that are secrets */
} signoff_descriptor;

/* ---- what an operation is given ----------------------------------------------------------------------------- */

typedef struct signoff_user {
    uint32_t size;
    uint32_t reserved;
    signoff_text id;           /* the vendor's; always text */
    signoff_fields attributes; /* name, state, team, ...; secrets as handles */
} signoff_user;

typedef struct signoff_args {
    uint32_t size;
    uint32_t reserved;
    const signoff_user *user; /* NULL for an operation without a user */
    signoff_fields fields;    /* what the descriptor declares, defaults filled in */
} signoff_args;

/* A write that an earlier process sent, and of which no result is known. */
typedef struct signoff_earlier {
    uint32_t size;
    uint32_t attempts;       /* how often it was sent */
    signoff_text part;       /* which write of the operation */
    signoff_text request_id; /* under which the vendor was told of it; empty if none */
    int64_t sent_unix_ms;    /* when its last intent was written, by the vendor's clock */
    uint64_t settled_at;     /* when it can no longer be under way */
    uint64_t age;            /* how long ago its last intent was written */
} signoff_earlier;

/* signoff_context.in_doubt: what the operator wants for writes whose fate a read of the state cannot decide */
#define SIGNOFF_POLICY_VERIFY UINT32_C(1) /* act only on what the state proves */
#define SIGNOFF_POLICY_REPEAT UINT32_C(2) /* repeat without asking */
#define SIGNOFF_POLICY_SKIP UINT32_C(3)   /* leave alone and report */

/* What the host knows when an operation begins. */
typedef struct signoff_context {
    uint32_t size;
    uint32_t actor_kind;      /* which kind of credential it runs as */
    uint32_t plan;            /* 1: every write is held back, and nothing waits */
    uint32_t may_act_on_self; /* 1: the acting user is the sole target, or it was asked for */
    uint32_t in_doubt;
    uint32_t reserved;
    signoff_text actor; /* the public name of the credential: a user name, never a secret */
    signoff_text call;  /* unique to this operation, the same when a run is resumed; for the vendor's request id */
    const signoff_earlier *const *earlier;
    size_t earlier_count;
    uint32_t logged_out; /* 1: this run logged him out on this connection before (DONE), with the same secrets */
    uint32_t reserved2;
} signoff_context;

/* ---- steps: what an operation wants ------------------------------------------------------------------------- */

/* Where the host puts a credential or a secret; `target` names the place where one is needed */
#define SIGNOFF_PLACEMENT_BASIC UINT32_C(1)        /* Authorization: Basic; not for a secret, which is one value */
#define SIGNOFF_PLACEMENT_BEARER UINT32_C(2)       /* Authorization: Bearer */
#define SIGNOFF_PLACEMENT_HEADER UINT32_C(3)       /* the bare value in the header `target` */
#define SIGNOFF_PLACEMENT_QUERY UINT32_C(4)        /* the query parameter `target` */
#define SIGNOFF_PLACEMENT_FORM UINT32_C(5)         /* the field `target` of a form body */
#define SIGNOFF_PLACEMENT_JSON_POINTER UINT32_C(6) /* the member at the pointer `target` (RFC 6901) of a JSON body */

typedef struct signoff_credential_use {
    uint32_t size;
    uint32_t placement;
    signoff_text name;   /* optional; none: the actor's */
    signoff_text target; /* empty for BASIC and BEARER */
} signoff_credential_use;

typedef struct signoff_secret_use {
    uint32_t size;
    uint32_t placement; /* not BASIC */
    uint32_t handle;    /* one that came with the arguments */
    uint32_t reserved;
    signoff_text target;
} signoff_secret_use;

/* signoff_request.effect: what it does to the vendor; declared, never guessed from the method */
#define SIGNOFF_EFFECT_READ UINT32_C(1)  /* changes nothing: sent in a plan, may be repeated and shared */
#define SIGNOFF_EFFECT_WRITE UINT32_C(2) /* changes something: held in a plan, written down before it leaves */

/* signoff_request.in_doubt: what holds for a write that may have been sent, and was not answered */
#define SIGNOFF_IN_DOUBT_ASK UINT32_C(1)    /* settle, then read the state */
#define SIGNOFF_IN_DOUBT_REPEAT UINT32_C(2) /* harmless to repeat while younger than `repeat_within` */
#define SIGNOFF_IN_DOUBT_REPORT UINT32_C(3) /* cannot be known */

/* One HTTP request, without origin and secrets, which are the host's. */
typedef struct signoff_request {
    uint32_t size;
    uint32_t effect;
    uint32_t in_doubt;          /* WRITE only */
    uint32_t proves_credential; /* 1: its answer tells whether the credential is any good */
    uint64_t id;                /* repeated by the answer; never used twice in an operation */
    signoff_text method;        /* upper case: GET, PUT, ... */
    signoff_text endpoint;      /* a declared one */
    signoff_text path;          /* starts with a slash, percent-encoded, no `.` or `..` segment */
    signoff_pairs query;        /* in clear; the host encodes it */
    signoff_pairs headers;      /* not those of the host: Host, Authorization, Cookie, Content-Length, ... */
    signoff_bytes body;
    const signoff_credential_use *credential; /* NULL: none goes with it */
    const signoff_secret_use *const *secrets;
    size_t secret_count;
    uint64_t timeout;    /* of the whole exchange; 0: the connection's */
    uint64_t answer_cap; /* bytes of body beyond which the answer is given up; 0: 8 MiB */
    uint64_t max_age;    /* READ: an identical answer younger than this may be reused; also the least time between
                            two identical reads that share an age */
    uint64_t not_before; /* READ: an answer counts only if it was sent after this moment */
    uint64_t not_after;  /* not to be sent after this moment: then FAILURE with EXPIRED; SIGNOFF_NEVER: no limit */
    signoff_text part;   /* WRITE: names the write within its operation, the same in every run */
    uint64_t repeat_within;  /* WRITE, REPEAT */
    signoff_text request_id; /* optional; WRITE: the id under which the vendor is told of it */
} signoff_request;

/* One row of a roster or status. */
typedef struct signoff_record {
    uint32_t size;
    uint32_t reserved;
    signoff_text id; /* the vendor's id for the user; always text */
    signoff_fields attributes;
} signoff_record;

typedef struct signoff_wait {
    uint32_t size;
    uint32_t reserved;
    uint64_t until;      /* an input ends it sooner; SIGNOFF_NEVER: only if something is outstanding */
    signoff_text reason; /* what it waits for, in a few words for a person; empty: nothing worth showing */
} signoff_wait;

typedef struct signoff_subscribe {
    uint32_t size;
    uint32_t reserved;
    uint64_t id;       /* repeated by SUBSCRIBED, FEED_LOST and FEED_REFUSED; never used twice in an operation */
    signoff_text node; /* the vendor's name for the stream of events */
    signoff_text user; /* only events about this user are wanted */
} signoff_subscribe;

/* signoff_finished.outcome */
#define SIGNOFF_OUTCOME_DONE UINT32_C(1)       /* logged out by this operation; `confirmed_by` says how we know */
#define SIGNOFF_OUTCOME_ALREADY UINT32_C(2)    /* a read of the state showed him logged out before we acted */
#define SIGNOFF_OUTCOME_SKIPPED UINT32_C(3)    /* deliberately left out; `code` says why */
#define SIGNOFF_OUTCOME_PLANNED UINT32_C(4)    /* held back by a plan */
#define SIGNOFF_OUTCOME_ACCEPTED UINT32_C(5)   /* the vendor queued it; nothing confirmed it in time */
#define SIGNOFF_OUTCOME_PENDING UINT32_C(6)    /* takes effect when the current call ends */
#define SIGNOFF_OUTCOME_BUSY UINT32_C(7)       /* left alone: still on a call; nothing was sent */
#define SIGNOFF_OUTCOME_REFUSED UINT32_C(8)    /* the vendor says no for this user */
#define SIGNOFF_OUTCOME_NOT_FOUND UINT32_C(9)  /* the vendor does not know him */
#define SIGNOFF_OUTCOME_DENIED UINT32_C(10)    /* the actor may not do this, or its credential is refused */
#define SIGNOFF_OUTCOME_FAILED UINT32_C(11)    /* not applied, as far as can be known */
#define SIGNOFF_OUTCOME_UNKNOWN UINT32_C(12)   /* sent, not answered, could not be checked */
#define SIGNOFF_OUTCOME_CANCELLED UINT32_C(13) /* not tried: the run, or its credential, was stopped */

/* signoff_finished.confirmed_by */
#define SIGNOFF_CONFIRMED_BY_NOTHING UINT32_C(1)
#define SIGNOFF_CONFIRMED_BY_RESPONSE UINT32_C(2) /* the answer to the write itself is proof */
#define SIGNOFF_CONFIRMED_BY_STATUS UINT32_C(3)   /* a later read showed the state */
#define SIGNOFF_CONFIRMED_BY_EVENT UINT32_C(4)    /* the vendor's own notification said so */

typedef struct signoff_finished {
    uint32_t size;
    uint32_t outcome;
    uint32_t confirmed_by;
    uint32_t reserved;
    signoff_text code;       /* optional; the vendor's, or the provider's where the vendor said nothing */
    signoff_text message;    /* optional; the vendor's, untouched */
    signoff_text request_id; /* optional; the vendor's id of the request */
    signoff_text name;       /* optional; the user's display name, where it was learnt */
    signoff_fields fields;   /* what else is known: `details` in reports */
} signoff_finished;

/* signoff_step.kind, and which member it has */
#define SIGNOFF_STEP_REQUEST UINT32_C(1)
#define SIGNOFF_STEP_RECORD UINT32_C(2)
#define SIGNOFF_STEP_WAIT UINT32_C(3)
#define SIGNOFF_STEP_SUBSCRIBE UINT32_C(4)
#define SIGNOFF_STEP_FINISHED UINT32_C(5)

/* The provider's own structure; the member of its kind is set, the others are not looked at. */
typedef struct signoff_step {
    uint32_t size;
    uint32_t kind;
    const signoff_request *request;
    const signoff_record *record;
    const signoff_wait *wait;
    const signoff_subscribe *subscribe;
    const signoff_finished *finished;
} signoff_step;

/* ---- inputs: what happened ---------------------------------------------------------------------------------- */

/* An answer, whatever its status. */
typedef struct signoff_response {
    uint32_t size;
    uint32_t status;       /* the HTTP status */
    uint64_t request;      /* which request */
    signoff_pairs headers; /* names in lower case */
    signoff_bytes body;    /* untrusted, bounded by the cap of the request */
    uint64_t sent;         /* when the request left */
    int64_t sent_unix_ms;  /* the same by the vendor's clock, as far as its Date headers tell */
    uint64_t settled_at;   /* when an earlier request of this write can no longer be under way */
} signoff_response;

/* signoff_failure.sent: whether the vendor may have acted on it */
#define SIGNOFF_SENT_NOT UINT32_C(1)   /* it never left, or the answer proves that it was not processed */
#define SIGNOFF_SENT_MAYBE UINT32_C(2) /* it may have been processed */

/* signoff_failure.kind */
#define SIGNOFF_FAILURE_UNREACHABLE UINT32_C(1) /* no connection: refused, name not found, bad certificate */
#define SIGNOFF_FAILURE_TIMED_OUT UINT32_C(2)   /* no complete answer within the time-out */
#define SIGNOFF_FAILURE_BROKEN UINT32_C(3)      /* the connection broke before the answer was complete */
#define SIGNOFF_FAILURE_TOO_LARGE UINT32_C(4)   /* the answer exceeds the cap */
#define SIGNOFF_FAILURE_REDIRECTED UINT32_C(5)  /* the vendor redirects, and no redirect is followed */
#define SIGNOFF_FAILURE_EXPIRED UINT32_C(6)     /* `not_after` had passed before its turn came */

/* A request without an answer that a provider could use. */
typedef struct signoff_failure {
    uint32_t size;
    uint32_t kind;
    uint32_t sent;
    uint32_t reserved;
    uint64_t request;      /* which request */
    signoff_text message;  /* for a person; names the origin, no secret */
    int64_t sent_unix_ms;  /* when it left, by the vendor's clock; of no meaning if it was not sent */
    uint64_t settled_at;   /* when it can no longer be under way: from then on a read tells the truth */
} signoff_failure;

/* A vendor's notification, decoded. Texts are empty where it says nothing. */
typedef struct signoff_event {
    uint32_t size;
    uint32_t reserved;
    signoff_text user;          /* whom it is about */
    signoff_text state;         /* the state it tells */
    signoff_text pending_state; /* the state that comes next */
    signoff_text reason;        /* the reason the vendor gives */
    signoff_text request_id;    /* the request it answers */
    signoff_text error_code;    /* the vendor's code if it tells of an error */
    signoff_text error_message; /* the vendor's words for that error */
    int64_t unix_ms;            /* when, by the vendor's clock; 0 if it does not say */
    signoff_text error_kind;    /* what kind of error the vendor calls it */
} signoff_event;

/* signoff_input.reason */
#define SIGNOFF_CANCEL_STOPPED UINT32_C(1)            /* the run was stopped */
#define SIGNOFF_CANCEL_CREDENTIAL_STOPPED UINT32_C(2) /* the credential it uses was refused */

/* signoff_input.kind, and which members it has */
#define SIGNOFF_INPUT_RESPONSE UINT32_C(1)     /* response */
#define SIGNOFF_INPUT_FAILURE UINT32_C(2)      /* failure */
#define SIGNOFF_INPUT_HELD UINT32_C(3)         /* id: a write was held back, because this is a plan */
#define SIGNOFF_INPUT_SUBSCRIBED UINT32_C(4)   /* id: the feed listens; events sent from here on arrive */
#define SIGNOFF_INPUT_FEED_LOST UINT32_C(5)    /* id: a feed that listened is gone; events may have been missed */
#define SIGNOFF_INPUT_FEED_REFUSED UINT32_C(6) /* id, message: there is no feed, and there will be none */
#define SIGNOFF_INPUT_EVENT UINT32_C(7)        /* event */
#define SIGNOFF_INPUT_CANCEL UINT32_C(8)       /* reason: come to an end without sending anything more; a
                                                  write that was not answered has not been sent, and will not be */

typedef struct signoff_input {
    uint32_t size;
    uint32_t kind;
    uint32_t reason; /* CANCEL */
    uint32_t reserved;
    uint64_t id;     /* HELD: which request; SUBSCRIBED, FEED_LOST, FEED_REFUSED: which subscription */
    const signoff_response *response;
    const signoff_failure *failure;
    const signoff_event *event;
    signoff_text message; /* FEED_REFUSED: why, for a person */
} signoff_input;

/* signoff_class.kind: what an answer means for the host */
#define SIGNOFF_CLASS_OK UINT32_C(1)                 /* processed, and the credential is accepted */
#define SIGNOFF_CLASS_THROTTLED UINT32_C(2)          /* not processed, too many requests: to be repeated */
#define SIGNOFF_CLASS_UNAVAILABLE UINT32_C(3)        /* not processed, out of service: to be repeated */
#define SIGNOFF_CLASS_TOKEN_EXPIRED UINT32_C(4)      /* the token is to be fetched again, the request repeated once */
#define SIGNOFF_CLASS_CREDENTIAL_REFUSED UINT32_C(5) /* the credential is no good: nothing leaves with it any more */
#define SIGNOFF_CLASS_CREDENTIAL_DOUBTED UINT32_C(6) /* it may be no good: only requests that prove it leave, until
                                                        one was answered; on such a request as CREDENTIAL_REFUSED */
#define SIGNOFF_CLASS_OTHER UINT32_C(7)              /* anything else: the operation knows; a READ with 5xx is
                                                        asked again first, a few times */

/* The one structure that lies in the host's memory and is filled by the provider. The host puts into `size` how much
 * room there is; the provider writes no more than that, and puts there how much it wrote. */
typedef struct signoff_class {
    uint32_t size;
    uint32_t kind;
    uint32_t has_after; /* THROTTLED: 1 if the vendor says when to come back */
    uint32_t reserved;
    uint64_t after; /* THROTTLED: no sooner than after this */
} signoff_class;

/* ---- the table ---------------------------------------------------------------------------------------------- */

typedef struct signoff_provider signoff_provider; /* the provider's own: one connection */
typedef struct signoff_op signoff_op;             /* the provider's own: one operation on one user */

/*
 * All members are set. Those that can fail return a result code and, unless it is SIGNOFF_OK, put a text into `error`,
 * at most `capacity` bytes with the NUL; they then leave the result pointer alone.
 */
typedef struct signoff_api {
    uint32_t size;
    uint32_t reserved;

    /* The static description; the same pointer at every call, never NULL.
     * [any-thread] */
    const signoff_descriptor *(*describe)(void);

    /* A provider with these options of a connection: all that the descriptor declares and that have a value, of the
     * declared kinds.
     * [any-thread] */
    uint32_t (*provider_new)(signoff_fields options, signoff_provider **provider, char *error, size_t capacity);

    /* Its operations have been freed before. NULL does nothing.
     * [any-thread] */
    void (*provider_free)(signoff_provider *provider);

    /* Begins an operation that the descriptor declares. Nothing happens before the first op_poll().
     * [any-thread] */
    uint32_t (*op_new)(signoff_provider *provider, signoff_text operation, const signoff_args *args,
                       const signoff_context *context, signoff_now now, signoff_op **op, char *error,
                       size_t capacity);

    /* What it wants next; *step is valid until the next call on this operation. Not called after FINISHED.
     * [op-thread] */
    uint32_t (*op_poll)(signoff_op *op, signoff_now now, const signoff_step **step, char *error, size_t capacity);

    /* What happened. An input that was not asked for is ignored, and is no error.
     * [op-thread] */
    uint32_t (*op_input)(signoff_op *op, signoff_now now, const signoff_input *input, char *error, size_t capacity);

    /* At any time, finished or not. NULL does nothing.
     * [op-thread] */
    void (*op_free)(signoff_op *op);

    /* What an answer means for the host: retries, limits and credentials rest on it. Pure; called once for every
     * answer, before the operation sees it.
     * [any-thread] */
    uint32_t (*classify)(signoff_provider *provider, const signoff_response *response, signoff_class *result,
                         char *error, size_t capacity);

    /* The extension of that id (SIGNOFF_FEED_EXTENSION, below); NULL if there is none.
     * [any-thread] */
    const void *(*extension)(signoff_text id);
} signoff_api;

/* ---- the extension signoff.feed/1 --------------------------------------------------------------------------- */

/*
 * A vendor that tells of changes by himself has a feed. The provider says how to listen (where, as whom, to what), the
 * host owns the session, and what arrives the provider decodes into events. extension() with this id gives a
 * signoff_feed_api; a provider without a feed gives NULL, and nothing else changes for it.
 *
 * A feed is an operation like any other: feed_new() begins it, and the host turns the crank with op_poll() and
 * op_input(). It may read, and neither write, give records nor subscribe. When it has FINISHED with
 * SIGNOFF_OUTCOME_DONE, feed_plan() says how to listen; any other outcome means that there is to be no feed, and its
 * code and message say why. The operation then stays for feed_decode() as long as the host listens, and op_free() ends
 * it. What feed_plan() and feed_decode() give stays with the provider until the next call on that operation.
 *
 * The host promises to open no session in a plan, to open one session for those who listen as the same user, and to
 * end it in good order. Where a session does something to its own user (Finesse logs out a signed-in user whose
 * session ends), it is for the provider to say no.
 */
#define SIGNOFF_FEED_EXTENSION "signoff.feed/1"

/* What the host would listen to. */
typedef struct signoff_feed_wish {
    uint32_t size;
    uint32_t actor_kind; /* SIGNOFF_CREDENTIAL_ */
    uint32_t named;      /* 1: the configuration names this credential for feeds; 0: it is the one that acts */
    uint32_t only_nodes; /* 1: nobody will listen as this actor; what his scope comes to is all that is wanted */
    signoff_text actor;  /* the public name of the credential that would listen */
    signoff_text scope;  /* whose events, in the vendor's terms (a team); empty: all that the actor may hear of */
} signoff_feed_wish;

/* signoff_feed_way.transport */
#define SIGNOFF_TRANSPORT_TLS UINT32_C(1)       /* a stream in TLS from its first byte */
#define SIGNOFF_TRANSPORT_WEBSOCKET UINT32_C(2) /* a WebSocket in TLS */

/* One way to reach the service; tried in order, on each host. */
typedef struct signoff_feed_way {
    uint32_t size;
    uint32_t transport;
    uint32_t port; /* 0: that of the endpoint's origin */
    uint32_t reserved;
    signoff_text path; /* WEBSOCKET: starts with a slash */
} signoff_feed_way;

/* signoff_feed_plan.protocol */
#define SIGNOFF_PROTOCOL_XMPP UINT32_C(1) /* RFC 6120 and 7395, SASL PLAIN, publish-subscribe of XEP-0060 */

/* How to listen. */
typedef struct signoff_feed_plan {
    uint32_t size;
    uint32_t protocol;
    uint64_t keep_alive;    /* the longest that a session may be silent; at least a second */
    signoff_text user;      /* who logs in, without a domain */
    signoff_text domain;    /* of the users */
    signoff_text service;   /* the address of the publish-subscribe service */
    signoff_text endpoint;  /* the declared endpoint on whose hosts the service is */
    const signoff_feed_way *const *ways; /* at least one, at most 16 */
    size_t way_count;
    signoff_texts nodes;    /* what the scope of the wish comes to; at most 10,000 */
} signoff_feed_plan;

/* What was published. Untrusted. */
typedef struct signoff_notification {
    uint32_t size;
    uint32_t reserved;
    signoff_text node;     /* where */
    signoff_bytes payload; /* the text in the item, unescaped once; at most 1 MiB */
} signoff_notification;

/* What it says; none where it says nothing of users. */
typedef struct signoff_events {
    uint32_t size;
    uint32_t reserved;
    const signoff_event *const *events; /* at most 10,000 */
    size_t count;
} signoff_events;

/* All members are set. */
typedef struct signoff_feed_api {
    uint32_t size;
    uint32_t reserved;

    /* Begins to find out how to listen.
     * [any-thread] */
    uint32_t (*feed_new)(signoff_provider *provider, const signoff_feed_wish *wish, signoff_now now, signoff_op **op,
                         char *error, size_t capacity);

    /* How to listen; called after FINISHED with DONE.
     * [op-thread] */
    uint32_t (*feed_plan)(signoff_op *op, const signoff_feed_plan **plan, char *error, size_t capacity);

    /* What a notification says; called after feed_plan(). One that makes no sense says nothing, and is no error.
     * [op-thread] */
    uint32_t (*feed_decode)(signoff_op *op, const signoff_notification *notification, const signoff_events **events,
                            char *error, size_t capacity);
} signoff_feed_api;

/* The one exported function. The same pointer at every call; NULL if the library cannot work here.
 * [main-thread] */
SIGNOFF_EXPORT const signoff_api *signoff_provider_v1(void);

#ifdef __cplusplus
}
#endif

#endif /* SIGNOFF_PROVIDER_H */

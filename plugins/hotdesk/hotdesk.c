/*
 * A provider in plain C: signs people out of Hotdesk, an invented system for desks with phones that people share.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What there is to know of the vendor. Every request carries a token in the header X-Hotdesk-Token. Answers are lines
 * of UTF-8, each of `key=value` fields with a tab between them; times are Unix milliseconds:
 *
 *   GET  /hotdesk/1/users                200  a line for each user; ?floor=3 and ?signed_in=yes narrow it down
 *   GET  /hotdesk/1/users/mara           200  user=mara  state=in  desk=3.01  floor=3  since=1767225600000  name=Mara
 *   POST /hotdesk/1/users/mara/sign-out  202  ticket=17
 *   any error                            4xx  error=on_call  message=he is on a call
 *
 * `state` is in, call or out, since that time. A 202 is no sign-out yet: the phone has to let go of him, and one that
 * is unplugged never does. So a logout reads the state, sends the sign-out, and reads on until the state shows it.
 *
 * Read it from the end: the table, what is declared, the crank (op_poll and op_input), and then what that turns.
 */

#include "signoff_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define STATE_AGE (2 * SECOND) /* a sign-out rests on a state no older than this: a call may have begun since */
#define SAME_SESSION_MS 120000 /* nobody is signed out and back in as soon as this */
#define MOST_UNANSWERED 3      /* so many sign-outs without an answer, and no more */
#define LONGEST 64             /* bytes of an id or a floor */

enum kind { ROSTER, STATUS, LOGOUT };

enum phase {
    LOOK,    /* the state is being read, and nothing is under way */
    SENT,    /* the sign-out is on its way, or waits for its turn */
    CONFIRM, /* it was taken: the state is read until it shows */
    DOUBT,   /* it may have been taken: the state is read until it cannot be under way any more, and then decides */
    ROWS,    /* an answer is being handed over, a row at a time */
    OVER
};

struct signoff_provider { /* one connection; without options it holds nothing */
    char unused;
};

struct signoff_op { /* one operation; the host runs many at once, so nothing is shared */
    enum kind kind;
    enum phase phase;
    uint32_t policy; /* what the operator wants for sign-outs in doubt */
    uint64_t confirm_within;
    char user_path[32 + 3 * LONGEST], sign_out_path[48 + 3 * LONGEST], floor[LONGEST + 1];
    uint64_t awaited;       /* the number of the request that is outstanding; 0: none is */
    uint64_t fresh_from;    /* a read counts only if it left after the one before */
    uint64_t deadline;      /* CONFIRM: until when */
    uint64_t settled_at;    /* DOUBT: when the sign-out cannot be under way any more */
    int64_t doubt_unix_ms;  /* DOUBT: when it was sent, by the vendor's clock */
    int unanswered, refused;
    int maybe_applied;      /* a sign-out of ours may have reached him */
    char name[256];         /* the user's, from the latest answer that told it */
    size_t name_length;
    char *answer;           /* a copy of the latest one: inputs are only lent */
    signoff_text rest, line; /* of it: what is still to be read, and the line at hand */
    int ready;              /* a step is to be fetched; all that follows is what it points to */
    signoff_step step;
    signoff_request request;
    signoff_credential_use credential;
    signoff_pairs query;
    signoff_pair pairs[2];
    signoff_record record;
    signoff_field attributes[4];
    signoff_wait wait;
    signoff_finished finished;
};

/* ---- texts: they say their length, and no NUL ends them ------------------------------------------------------ */

static const signoff_text none = { NULL, 0 };

static signoff_text text(const char *words) {
    signoff_text made = { words, strlen(words) };
    return made;
}

static int is(signoff_text some, const char *expected) {
    return some.length == strlen(expected) && (some.length == 0 || memcmp(some.data, expected, some.length) == 0);
}

/* Takes from the front of `rest` what comes before the separator. */
static signoff_text take(signoff_text *rest, char separator) {
    const char *end = rest->length > 0 ? memchr(rest->data, separator, rest->length) : NULL;
    signoff_text taken = *rest;
    *rest = none;
    if (end != NULL) {
        rest->data = end + 1;
        rest->length = taken.length - (size_t)(end + 1 - taken.data);
        taken.length = (size_t)(end - taken.data);
    }
    return taken;
}

/* The value of a field of the line at hand. */
static signoff_text field(const signoff_op *op, const char *key) {
    signoff_text line = op->line;
    while (line.length > 0) {
        signoff_text value = take(&line, '\t');
        if (is(take(&value, '='), key)) {
            return value;
        }
    }
    return none;
}

/* Those at the front; 0 if there are none. */
static int64_t number(signoff_text digits) {
    int64_t value = 0;
    for (size_t i = 0; i < digits.length && i < 15 && digits.data[i] >= '0' && digits.data[i] <= '9'; i++) {
        value = 10 * value + (digits.data[i] - '0');
    }
    return value;
}

static int is_utf8(const uint8_t *at, size_t left) {
    while (left > 0) {
        size_t size = *at < 0x80 ? 1 : *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : 0;
        uint8_t low = *at == 0xE0 ? 0xA0 : *at == 0xF0 ? 0x90 : 0x80;
        uint8_t high = *at == 0xED ? 0x9F : *at == 0xF4 ? 0x8F : 0xBF;
        if (size == 0 || size > left || (size > 1 && (at[1] < low || at[1] > high)) ||
            (size > 2 && (at[2] & 0xC0) != 0x80) || (size > 3 && (at[3] & 0xC0) != 0x80)) {
            return 0;
        }
        at += size;
        left -= size;
    }
    return 1;
}

/* Keeps a copy of what came. A vendor is not trusted, and the host takes UTF-8 alone: anything else counts as empty. */
static void keep(signoff_op *op, const void *bytes, size_t length) {
    free(op->answer);
    op->answer = length > 0 && is_utf8(bytes, length) ? malloc(length) : NULL;
    op->rest = op->line = none;
    if (op->answer != NULL) {
        memcpy(op->answer, bytes, length);
        op->rest.data = op->answer;
        op->rest.length = length;
    }
}

/* Remembers the name in the line at hand: the answer to a sign-out, which may be the last there is, tells none. */
static void remember_name(signoff_op *op) {
    signoff_text name = field(op, "name");
    if (name.length > 0 && name.length <= sizeof op->name) {
        memcpy(op->name, name.data, name.length);
        op->name_length = name.length;
    }
}

/* ---- what an operation can do: ask, and finish --------------------------------------------------------------- */

static signoff_request *ask(signoff_op *op, const char *method, const char *path, uint32_t effect) {
    signoff_request *request = &op->request;
    op->awaited = request->id + 1; /* no number is used twice */
    memset(request, 0, sizeof *request);
    request->size = sizeof *request;
    request->id = op->awaited;
    request->effect = effect;
    request->method = text(method);
    request->endpoint = text("api");
    request->path = text(path);
    request->query = op->query;
    request->credential = &op->credential;
    request->not_after = SIGNOFF_NEVER;
    op->step.kind = SIGNOFF_STEP_REQUEST;
    op->ready = 1;
    return request;
}

/* Reads, with an answer that leaves no sooner than this. Whoever asks again and again with a max_age is slowed down to
 * it by the host, so there is no timer here. */
static void look(signoff_op *op, uint64_t not_before) {
    signoff_request *request = ask(op, "GET", op->user_path, SIGNOFF_EFFECT_READ);
    request->max_age = SECOND;
    request->not_before = not_before > op->fresh_from ? not_before : op->fresh_from;
}

static void finish(signoff_op *op, uint32_t outcome, signoff_text code, signoff_text message) {
    int seen_out = op->kind == LOGOUT && outcome == SIGNOFF_OUTCOME_DONE;
    op->finished.outcome = outcome;
    op->finished.confirmed_by = seen_out ? SIGNOFF_CONFIRMED_BY_STATUS : SIGNOFF_CONFIRMED_BY_NOTHING;
    op->finished.code = code;
    op->finished.message = message;
    op->finished.name.data = op->name_length > 0 ? op->name : NULL;
    op->finished.name.length = op->name_length;
    op->phase = OVER;
    op->awaited = 0;
    op->step.kind = SIGNOFF_STEP_FINISHED;
    op->ready = 1;
}

/* Ends with an error of the vendor, in its own words where it has any. */
static void vendor_error(signoff_op *op, uint32_t status) {
    signoff_text code = field(op, "error");
    uint32_t outcome = status == 401 || status == 403                   ? SIGNOFF_OUTCOME_DENIED
                       : status == 404                                  ? SIGNOFF_OUTCOME_NOT_FOUND
                       : status >= 400 && status < 500 && status != 429 ? SIGNOFF_OUTCOME_REFUSED
                                                                        : SIGNOFF_OUTCOME_FAILED;
    if (op->maybe_applied) { /* this one was not taken, and of the one before nobody knows */
        outcome = SIGNOFF_OUTCOME_UNKNOWN;
    }
    finish(op, outcome, code.length > 0 ? code : text("unexpected_answer"), field(op, "message"));
}

static void unknown(signoff_op *op, const char *code, const char *message) {
    finish(op, SIGNOFF_OUTCOME_UNKNOWN, text(code), text(message));
}

/* ---- the logout ---------------------------------------------------------------------------------------------- */

static void sign_out(signoff_op *op, uint64_t state_sent) {
    signoff_request *request = ask(op, "POST", op->sign_out_path, SIGNOFF_EFFECT_WRITE);
    request->in_doubt = SIGNOFF_IN_DOUBT_ASK; /* sent twice, it may meet him signed in again */
    request->part = text("logout");
    request->not_after = state_sent + STATE_AGE;
    op->phase = SENT;
}

/* The sign-out may have been taken. The host does not repeat it by itself; whether we do, his state decides. */
static void doubt(signoff_op *op, int64_t sent_unix_ms, uint64_t settled_at) {
    op->maybe_applied = 1;
    op->doubt_unix_ms = sent_unix_ms;
    op->settled_at = settled_at;
    op->phase = op->policy == SIGNOFF_POLICY_REPEAT ? LOOK : DOUBT;
    if (op->policy == SIGNOFF_POLICY_SKIP || ++op->unanswered == MOST_UNANSWERED) {
        unknown(op, "unanswered", "sent, never answered, and not to be sent again");
    } else {
        look(op, 0);
    }
}

/* His state was read: what follows depends on what was waited for. */
static void seen(signoff_op *op, const signoff_response *response) {
    signoff_text state = field(op, "state");
    int64_t since = number(field(op, "since"));
    int older = since > 0 && since < op->doubt_unix_ms; /* in this state since before the sign-out was sent */
    if (is(state, "out")) {
        finish(op, op->maybe_applied ? SIGNOFF_OUTCOME_DONE : SIGNOFF_OUTCOME_ALREADY, none, none);
    } else if (op->phase == CONFIRM || (op->phase == DOUBT && response->sent < op->settled_at)) {
        look(op, 0);
    } else if (op->phase == DOUBT && !older && response->sent_unix_ms - op->doubt_unix_ms > SAME_SESSION_MS) {
        unknown(op, "maybe_signed_in_again", "signed in since, after a sign-out that was never answered");
    } else {
        if (op->phase == DOUBT && older) {
            op->maybe_applied = 0; /* that proves it */
        }
        if (is(state, "in")) {
            sign_out(op, response->sent);
        } else {
            uint32_t outcome = op->maybe_applied ? SIGNOFF_OUTCOME_UNKNOWN : SIGNOFF_OUTCOME_BUSY;
            finish(op, outcome, text("on_call"), text("on a call, and left alone"));
        }
    }
}

/* His state could not be read. 0: then the operation ends with the reason. */
static int unseen(signoff_op *op, signoff_now now) {
    if (op->phase == CONFIRM || (op->phase == DOUBT && now.monotonic < op->settled_at)) {
        look(op, op->phase == DOUBT ? op->settled_at : now.monotonic + SECOND);
    } else if (op->maybe_applied) {
        unknown(op, "unanswered", "a sign-out was never answered, and the state cannot be read");
    } else {
        return 0;
    }
    return 1;
}

/* The sign-out was answered. */
static void answered(signoff_op *op, signoff_now now, const signoff_response *response) {
    if (response->status >= 200 && response->status <= 299) {
        op->maybe_applied = 1;
        op->phase = CONFIRM;
        op->deadline = now.monotonic + op->confirm_within;
        look(op, now.monotonic); /* a state from before it proves nothing */
    } else if (response->status == 409 && op->refused++ == 0) {
        op->phase = LOOK; /* he is out or on a call by now. The state says so; an error text is no proof */
        look(op, now.monotonic);
    } else if (response->status >= 500 && response->status != 503) {
        doubt(op, response->sent_unix_ms, response->settled_at);
    } else {
        vendor_error(op, response->status);
    }
}

/* ---- the crank ----------------------------------------------------------------------------------------------- */

/* The next row of an answer; after the last, the end. */
static void row(signoff_op *op) {
    static const char *const keys[] = { "name", "state", "floor", "desk" };
    static const char *const names[] = { "name", "state", "team", "desk" }; /* as scripts know them */
    if (op->rest.length == 0) {
        op->line = none;
        finish(op, SIGNOFF_OUTCOME_DONE, none, none);
        return;
    }
    op->line = take(&op->rest, '\n');
    op->record.id = field(op, "user");
    for (size_t i = 0; i < 4; i++) {
        op->attributes[i].name = text(names[i]);
        op->attributes[i].value.kind = SIGNOFF_VALUE_TEXT;
        op->attributes[i].value.payload.text = field(op, keys[i]);
    }
    op->step.kind = SIGNOFF_STEP_RECORD;
    if (op->record.id.length == 0) {
        finish(op, SIGNOFF_OUTCOME_FAILED, text("unreadable_answer"), text("a line of the answer names no user"));
    }
}

static uint32_t op_poll(signoff_op *op, signoff_now now, const signoff_step **step, char *error, size_t capacity) {
    (void)error, (void)capacity;
    if (op->phase == CONFIRM && now.monotonic >= op->deadline) {
        finish(op, SIGNOFF_OUTCOME_ACCEPTED, text("unconfirmed"), text("taken, and the phone does not let go of him"));
    }
    if (op->phase == ROWS) {
        row(op);
    } else if (!op->ready) {
        op->wait.until = op->phase == CONFIRM ? op->deadline : SIGNOFF_NEVER;
        op->wait.reason = op->phase == CONFIRM ? text("for the phone to let go")
                          : op->phase == DOUBT ? text("for a sign-out without an answer to settle")
                                               : none;
        op->step.kind = SIGNOFF_STEP_WAIT;
    }
    op->ready = 0;
    *step = &op->step;
    return SIGNOFF_OK;
}

static void on_response(signoff_op *op, signoff_now now, const signoff_response *response) {
    int ok = response->status >= 200 && response->status <= 299;
    signoff_text state;
    keep(op, response->body.data, response->body.length);
    if (ok && op->kind != LOGOUT) {
        op->phase = ROWS;
        return;
    }
    op->line = take(&op->rest, '\n');
    remember_name(op);
    if (op->phase == SENT) {
        answered(op, now, response);
        return;
    }
    state = field(op, "state");
    op->fresh_from = response->sent + 1;
    if (ok && (is(state, "in") || is(state, "call") || is(state, "out"))) {
        seen(op, response);
    } else if (unseen(op, now)) {
        return;
    } else if (ok) {
        finish(op, SIGNOFF_OUTCOME_FAILED, text("unreadable_answer"), text("the answer tells no state that is known"));
    } else {
        vendor_error(op, response->status);
    }
}

static void on_failure(signoff_op *op, signoff_now now, const signoff_failure *failure) {
    if (op->phase == SENT && failure->kind == SIGNOFF_FAILURE_EXPIRED) {
        op->phase = LOOK; /* its turn came too late for the state it rests on */
        look(op, 0);
    } else if (op->phase == SENT && failure->sent == SIGNOFF_SENT_MAYBE) {
        doubt(op, failure->sent_unix_ms, failure->settled_at);
    } else if (op->phase == SENT || !unseen(op, now)) {
        keep(op, failure->message.data, failure->message.length);
        finish(op, op->maybe_applied ? SIGNOFF_OUTCOME_UNKNOWN : SIGNOFF_OUTCOME_FAILED, text("unanswered"), op->rest);
    }
}

static uint32_t op_input(signoff_op *op, signoff_now now, const signoff_input *input, char *error, size_t capacity) {
    (void)error, (void)capacity;
    uint64_t of = input->kind == SIGNOFF_INPUT_RESPONSE  ? input->response->request
                  : input->kind == SIGNOFF_INPUT_FAILURE ? input->failure->request
                                                         : input->id;
    if (op->phase == OVER) {
        return SIGNOFF_OK;
    }
    if (input->kind == SIGNOFF_INPUT_CANCEL) {
        if (op->phase == CONFIRM) {
            finish(op, SIGNOFF_OUTCOME_ACCEPTED, text("unconfirmed"), text("stopped before it was confirmed"));
        } else if (op->maybe_applied) {
            unknown(op, "unanswered", "stopped before it settled");
        } else {
            int refused = input->reason == SIGNOFF_CANCEL_CREDENTIAL_STOPPED;
            finish(op, SIGNOFF_OUTCOME_CANCELLED, refused ? text("credential_stopped") : none, none);
        }
    } else if (of == op->awaited) { /* whatever was not asked for is ignored */
        op->awaited = 0;
        if (input->kind == SIGNOFF_INPUT_RESPONSE) {
            on_response(op, now, input->response);
        } else if (input->kind == SIGNOFF_INPUT_FAILURE) {
            on_failure(op, now, input->failure);
        } else if (input->kind == SIGNOFF_INPUT_HELD) {
            finish(op, SIGNOFF_OUTCOME_PLANNED, none, none);
        }
    }
    return SIGNOFF_OK;
}

/* What an answer means for the host: it alone repeats, slows down, and gives a credential up. */
static uint32_t classify(signoff_provider *provider, const signoff_response *response, signoff_class *result,
                         char *error, size_t capacity) {
    uint32_t status = response->status;
    (void)provider, (void)error, (void)capacity;
    result->size = sizeof *result;
    result->kind = status >= 200 && status <= 299 ? SIGNOFF_CLASS_OK
                   : status == 401                ? SIGNOFF_CLASS_CREDENTIAL_REFUSED
                   : status == 429                ? SIGNOFF_CLASS_THROTTLED /* Hotdesk does not say until when */
                   : status == 503                ? SIGNOFF_CLASS_UNAVAILABLE
                                                  : SIGNOFF_CLASS_OTHER;
    return SIGNOFF_OK;
}

/* ---- what is declared ---------------------------------------------------------------------------------------- */

#define TEXT(literal) { literal, sizeof(literal) - 1 }

/* The command line knows `team` and `signed_in` of every roster. */
static const signoff_parameter team = {
    .size = sizeof(signoff_parameter), .kind = SIGNOFF_PARAMETER_TEXT,
    .name = TEXT("team"), .default_value = TEXT(""), .help = TEXT("only this floor; empty: every floor"),
};
static const signoff_parameter signed_in = {
    .size = sizeof(signoff_parameter), .kind = SIGNOFF_PARAMETER_BOOLEAN,
    .name = TEXT("signed_in"), .default_value = TEXT("false"), .help = TEXT("only those who are signed in"),
};
static const signoff_parameter confirm_within = {
    .size = sizeof(signoff_parameter), .kind = SIGNOFF_PARAMETER_DURATION,
    .name = TEXT("confirm_within"), .default_value = TEXT("30s"), .help = TEXT("how long to look for the sign-out"),
};
static const signoff_parameter *const roster_parameters[] = { &team, &signed_in };
static const signoff_parameter *const logout_parameters[] = { &confirm_within };

static const signoff_operation roster = {
    .size = sizeof(signoff_operation), .target = SIGNOFF_TARGET_CONNECTION, .yields = SIGNOFF_YIELDS_RECORDS,
    .name = TEXT("roster"), .summary = TEXT("who has a desk, and is signed in at it"),
    .parameters = roster_parameters, .parameter_count = 2,
};
static const signoff_operation status = {
    .size = sizeof(signoff_operation), .target = SIGNOFF_TARGET_USER, .yields = SIGNOFF_YIELDS_RECORD,
    .name = TEXT("status"), .summary = TEXT("how a user is"),
};
static const signoff_operation logout = {
    .size = sizeof(signoff_operation), .writes = 1, .target = SIGNOFF_TARGET_USER, .yields = SIGNOFF_YIELDS_OUTCOME,
    .name = TEXT("logout"), .summary = TEXT("sign a user out of his desk; who is on a call is left alone"),
    .parameters = logout_parameters, .parameter_count = 1,
};
static const signoff_operation *const operations[] = { &roster, &status, &logout };

static const signoff_endpoint api = {
    .size = sizeof(signoff_endpoint), .required = 1, .name = TEXT("api"), .help = TEXT("the server, https://host:port"),
};
static const signoff_endpoint *const endpoints[] = { &api };
static const uint32_t credentials[] = { SIGNOFF_CREDENTIAL_KEY };

static const signoff_descriptor descriptor = {
    .size = sizeof(signoff_descriptor), .acts_on = SIGNOFF_ACTS_ON_USER, .state_can_be_asked = 1,
    .concurrency = 4, .rate = 10.0, .timeout = 10 * SECOND, .settle = 5 * SECOND,
    .id = TEXT("hotdesk"), .name = TEXT("Hotdesk"), .version = TEXT("0.1.0"),
    .summary = TEXT("signs people out of shared desks"),
    .operations = operations, .operation_count = 3, .endpoints = endpoints, .endpoint_count = 1,
    .credentials = credentials, .credential_count = 1,
};

/* ---- the table ----------------------------------------------------------------------------------------------- */

static signoff_provider connection; /* without options, one is as good as another */

static const signoff_descriptor *describe(void) {
    return &descriptor;
}

static uint32_t provider_new(signoff_fields options, signoff_provider **provider, char *error, size_t capacity) {
    (void)options, (void)error, (void)capacity;
    *provider = &connection;
    return SIGNOFF_OK;
}

static void provider_free(signoff_provider *provider) {
    (void)provider;
}

/* What happens in the world is an outcome; a result code is for misuse. */
static uint32_t misuse(uint32_t code, const char *words, char *error, size_t capacity) {
    snprintf(error, capacity, "%s", words);
    return code;
}

static void percent_encode(char *to, signoff_text id) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < id.length; i++) {
        int is_plain = memchr(plain, id.data[i], sizeof plain - 1) != NULL;
        to += sprintf(to, is_plain ? "%c" : "%%%02X", (unsigned char)id.data[i]);
    }
}

static uint32_t op_new(signoff_provider *provider, signoff_text operation, const signoff_args *args,
                       const signoff_context *context, signoff_now now, signoff_op **op, char *error,
                       size_t capacity) {
    enum kind kind = is(operation, "roster") ? ROSTER : is(operation, "status") ? STATUS : LOGOUT;
    char id[3 * LONGEST + 1] = "";
    signoff_op *made;
    (void)provider, (void)now;
    if (kind == LOGOUT && !is(operation, "logout")) {
        return misuse(SIGNOFF_ERROR_UNKNOWN_OPERATION, "no such operation", error, capacity);
    }
    if (kind != ROSTER) {
        signoff_text user = args->user != NULL ? args->user->id : none;
        if (user.length == 0 || user.length > LONGEST || is(user, ".") || is(user, "..")) {
            return misuse(SIGNOFF_ERROR_ARGUMENTS, "no user of Hotdesk is called that", error, capacity);
        }
        percent_encode(id, user);
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return misuse(SIGNOFF_ERROR_POISONED, "out of memory", error, capacity);
    }
    *made = (signoff_op){
        .kind = kind, .policy = context->in_doubt, .query = { made->pairs, 0 },
        .step = { .size = sizeof made->step, .request = &made->request, .record = &made->record, .wait = &made->wait,
                  .finished = &made->finished },
        .credential = { .size = sizeof made->credential, .placement = SIGNOFF_PLACEMENT_HEADER,
                        .target = TEXT("X-Hotdesk-Token") }, /* the host puts it there; it is never seen here */
        .record = { .size = sizeof made->record, .attributes = { made->attributes, 4 } },
        .wait = { .size = sizeof made->wait }, .finished = { .size = sizeof made->finished },
    };
    snprintf(made->user_path, sizeof made->user_path, "/hotdesk/1/users%s%s", kind == ROSTER ? "" : "/", id);
    snprintf(made->sign_out_path, sizeof made->sign_out_path, "%s/sign-out", made->user_path);
    for (size_t i = 0; i < args->fields.length; i++) { /* as declared, with the defaults filled in */
        const signoff_field *given = &args->fields.data[i];
        signoff_payload value = given->value.payload;
        if (is(given->name, "confirm_within")) {
            made->confirm_within = value.duration;
        } else if (is(given->name, "signed_in") && value.boolean) {
            made->pairs[made->query.length++] = (signoff_pair){ TEXT("signed_in"), TEXT("yes") };
        } else if (is(given->name, "team") && value.text.length > 0) {
            if (value.text.length > LONGEST) {
                free(made);
                return misuse(SIGNOFF_ERROR_ARGUMENTS, "no floor of Hotdesk is called that", error, capacity);
            }
            memcpy(made->floor, value.text.data, value.text.length);
            made->pairs[made->query.length++] = (signoff_pair){ TEXT("floor"), text(made->floor) };
        }
    }
    if (kind == LOGOUT && context->earlier_count > 0) { /* a process that is gone sent it, and saw no answer */
        doubt(made, context->earlier[0]->sent_unix_ms, context->earlier[0]->settled_at);
    } else {
        look(made, 0);
    }
    *op = made;
    return SIGNOFF_OK;
}

static void op_free(signoff_op *op) {
    if (op != NULL) {
        free(op->answer);
        free(op);
    }
}

static const void *extension(signoff_text id) {
    (void)id;
    return NULL;
}

static const signoff_api table = {
    .size = sizeof(signoff_api), .describe = describe, .provider_new = provider_new, .provider_free = provider_free,
    .op_new = op_new, .op_poll = op_poll, .op_input = op_input, .op_free = op_free, .classify = classify,
    .extension = extension,
};

SIGNOFF_EXPORT const signoff_api *signoff_provider_v1(void) {
    return &table;
}

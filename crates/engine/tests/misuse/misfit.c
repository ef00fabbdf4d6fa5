/*
 * A provider that breaks one rule of signoff_provider.h: the one that BAD names. With another name it works: it sends
 * one write for `logout`, and one read and a row for `roster`.
 *
 * The test reads the names from this file: each BREAKS("…") is a case, in this order. Before a colon is how it is run.
 */

#include "signoff_provider.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) { literal, sizeof(literal) - 1 }
#define SET_TEXT(member, literal) ((member).data = (literal), (member).length = sizeof(literal) - 1)
#define BREAKS(what) if (strcmp(BAD, what) == 0)
#define SIZED(type) struct { type it; unsigned char more[64]; }
#define UNKNOWN UINT32_C(99)

/* As a later minor version would have them: each structure has more at its end. */
static SIZED(signoff_parameter) greeting;
static SIZED(signoff_operation) logout, roster;
static SIZED(signoff_endpoint) endpoint;
static SIZED(signoff_login) login;
static SIZED(signoff_descriptor) descriptor;
static SIZED(signoff_api) api;

static const signoff_text choices[] = { TEXT("hello"), TEXT("good day") };
static const signoff_parameter *options[] = { &greeting.it };
static const signoff_operation *operations[] = { &logout.it, &roster.it };
static const signoff_endpoint *endpoints[] = { &endpoint.it };
static const signoff_login *logins[] = { &login.it };
static uint32_t credentials[] = { SIGNOFF_CREDENTIAL_BASIC };
static const signoff_text no_utf8 = TEXT("m\xffsfit"), nowhere = { NULL, 6 };

struct signoff_provider {
    int unused;
};

struct signoff_op {
    int is_roster, answers, cancelled, asked, has_row;
    uint64_t id;
    signoff_text method, name;
    signoff_pair header, query;
    signoff_value values[2];
    signoff_field field, nested[40];
    const signoff_secret_use *secrets[1];
    SIZED(signoff_step) step;
    SIZED(signoff_request) request;
    SIZED(signoff_credential_use) credential;
    SIZED(signoff_secret_use) secret;
    SIZED(signoff_wait) wait;
    SIZED(signoff_record) record;
    SIZED(signoff_subscribe) subscribe;
    SIZED(signoff_finished) finished;
};

/* Its size, which is what a reader goes by, and what a later version has behind it. */
static uint32_t sized(void *more, size_t size) {
    memset(more, 0xee, 64);
    BREAKS("works: every structure is larger than the host knows it") return (uint32_t)size + 64;
    return (uint32_t)size;
}

#define SIZE(wrapped) ((wrapped).it.size = sized((wrapped).more, sizeof (wrapped).it))

static const signoff_descriptor *describe(void) {
    BREAKS("descriptor is NULL") return NULL;
    return &descriptor.it;
}

static void describe_it(void) {
    signoff_descriptor *it = &descriptor.it;
    SIZE(greeting), SIZE(logout), SIZE(roster), SIZE(endpoint), SIZE(login), SIZE(descriptor);
    greeting.it.kind = SIGNOFF_PARAMETER_TEXT;
    SET_TEXT(greeting.it.name, "greeting");
    SET_TEXT(greeting.it.default_value, "hello");
    greeting.it.choices.data = choices, greeting.it.choices.length = 2;
    logout.it.writes = 1;
    logout.it.target = SIGNOFF_TARGET_USER, logout.it.yields = SIGNOFF_YIELDS_OUTCOME;
    SET_TEXT(logout.it.name, "logout");
    roster.it.target = SIGNOFF_TARGET_CONNECTION, roster.it.yields = SIGNOFF_YIELDS_RECORDS;
    SET_TEXT(roster.it.name, "roster");
    endpoint.it.required = 1;
    SET_TEXT(endpoint.it.name, "api");
    SET_TEXT(login.it.name, "token");
    SET_TEXT(login.it.endpoint, "api");
    SET_TEXT(login.it.method, "POST");
    SET_TEXT(login.it.path, "/token");
    SET_TEXT(login.it.token_pointer, "/token");
    it->acts_on = SIGNOFF_ACTS_ON_USER, it->state_can_be_asked = 1;
    it->concurrency = 4, it->rate = 1000.0;
    it->timeout = UINT64_C(5000000000), it->settle = UINT64_C(100000000);
    SET_TEXT(it->id, "misfit");
    SET_TEXT(it->name, "Misfit");
    SET_TEXT(it->version, "1.0.0");
    it->options = options, it->option_count = 1;
    it->operations = operations, it->operation_count = 2;
    it->endpoints = endpoints, it->endpoint_count = 1;
    it->credentials = credentials, it->credential_count = 1;
    it->logins = logins, it->login_count = 0;

    BREAKS("works: descriptor ends before what was appended") it->size = offsetof(signoff_descriptor, secret_attributes);
    BREAKS("descriptor.size is 0") it->size = 0;
    BREAKS("descriptor.size is 4") it->size = 4;
    BREAKS("descriptor.size ends before id") it->size = offsetof(signoff_descriptor, id);
    BREAKS("descriptor.size ends before operations") it->size = offsetof(signoff_descriptor, operations);
    BREAKS("descriptor.acts_on is unknown") it->acts_on = UNKNOWN;
    BREAKS("descriptor.state_can_be_asked is 2") it->state_can_be_asked = 2;
    BREAKS("descriptor.concurrency is 0") it->concurrency = 0;
    BREAKS("works: descriptor.concurrency is the largest number") it->concurrency = UINT32_MAX;
    BREAKS("descriptor.rate is NaN") it->rate = (double)NAN;
    BREAKS("descriptor.rate is infinite") it->rate = (double)INFINITY;
    BREAKS("descriptor.rate is negative") it->rate = -1.0;
    BREAKS("works: descriptor.rate is huge") it->rate = 1e300;
    BREAKS("works: descriptor.rate is tiny") it->rate = 1e-300;
    BREAKS("descriptor.timeout is 0") it->timeout = 0;
    BREAKS("works: descriptor.timeout and settle last for ever") it->timeout = it->settle = UINT64_MAX;
    BREAKS("descriptor.id is NULL") it->id = nowhere;
    BREAKS("descriptor.id is not UTF-8") it->id = no_utf8;
    BREAKS("descriptor.id is no name") SET_TEXT(it->id, "../misfit");
    BREAKS("descriptor.id is another") SET_TEXT(it->id, "finesse");
    BREAKS("descriptor.name is not UTF-8") it->name = no_utf8;
    BREAKS("descriptor.version is another") SET_TEXT(it->version, "9.9.9");
    BREAKS("descriptor.options is NULL") it->options = NULL;
    BREAKS("descriptor.options has a NULL") options[0] = NULL;
    BREAKS("descriptor.operations is NULL") it->operations = NULL;
    BREAKS("descriptor.operations has a NULL") operations[0] = NULL;
    BREAKS("descriptor.operations occur twice") operations[1] = operations[0];
    BREAKS("descriptor.operations are too many") it->operation_count = SIZE_MAX;
    BREAKS("descriptor.endpoints is NULL") it->endpoints = NULL;
    BREAKS("descriptor.endpoints has a NULL") endpoints[0] = NULL;
    BREAKS("descriptor.credentials is NULL") it->credentials = NULL;
    BREAKS("descriptor.credentials has an unknown one") credentials[0] = UNKNOWN;
    BREAKS("descriptor.logins has a NULL") it->login_count = 1, logins[0] = NULL;
    BREAKS("descriptor.logins goes to no endpoint") it->login_count = 1, SET_TEXT(login.it.endpoint, "nowhere");
    BREAKS("descriptor.secret_attributes is NULL") it->secret_attributes.length = 1;
    BREAKS("parameter.size is 0") greeting.it.size = 0;
    BREAKS("parameter.kind is unknown") greeting.it.kind = UNKNOWN;
    BREAKS("parameter.required is 2") greeting.it.required = 2;
    BREAKS("parameter.name is empty") greeting.it.name.length = 0;
    BREAKS("parameter.choices is NULL") greeting.it.choices.data = NULL;
    BREAKS("operation.writes is 2") logout.it.writes = 2;
    BREAKS("operation.target is unknown") logout.it.target = UNKNOWN;
    BREAKS("operation.yields is unknown") logout.it.yields = UNKNOWN;
    BREAKS("operation.name is no name") SET_TEXT(logout.it.name, "log\nout");
    BREAKS("operation.parameters is NULL") logout.it.parameter_count = 1;
    BREAKS("endpoint.required is 2") endpoint.it.required = 2;
    BREAKS("endpoint.name is no name") SET_TEXT(endpoint.it.name, "API");
}

/* An error text as C programs make them, and worse. */
static uint32_t fail(uint32_t code, char *error, size_t capacity) {
    BREAKS("new: its error text has no end") memset(error, 'x', capacity);
    BREAKS("new: its error text is longer than the buffer") memset(error, 'x', capacity + 1000);
    BREAKS("new: its error text is not UTF-8") memcpy(error, "m\xffsfit", 7);
    BREAKS("new: its error text moves the cursor") memcpy(error, "\x1b[2J\r\nall is well", 18);
    return code;
}

static uint32_t provider_new(signoff_fields given, signoff_provider **provider, char *error, size_t capacity) {
    (void)given;
    if (strncmp(BAD, "new: its error text", 19) == 0) {
        return fail(SIGNOFF_ERROR_OPTIONS, error, capacity);
    }
    BREAKS("new: unknown result code") return UNKNOWN;
    BREAKS("new: gives NULL") return SIGNOFF_OK;
    BREAKS("new: refuses without a word") return SIGNOFF_ERROR_OPTIONS;
    *provider = calloc(1, sizeof **provider);
    return SIGNOFF_OK;
}

static void provider_free(signoff_provider *provider) {
    free(provider);
}

static uint32_t op_new(signoff_provider *provider, signoff_text operation, const signoff_args *args,
                       const signoff_context *context, signoff_now now, signoff_op **op, char *error,
                       size_t capacity) {
    signoff_op *made;
    (void)provider, (void)args, (void)context, (void)now, (void)error, (void)capacity;
    BREAKS("op_new: unknown result code") return UNKNOWN;
    BREAKS("op_new: gives NULL") return SIGNOFF_OK;
    BREAKS("op_new: knows no operation") return SIGNOFF_ERROR_UNKNOWN_OPERATION;
    BREAKS("op_new: refuses without a word") return SIGNOFF_ERROR_ARGUMENTS;
    BREAKS("op_new: is poisoned") return SIGNOFF_ERROR_POISONED;
    BREAKS("op_new: blames the host") return SIGNOFF_ERROR_CONTRACT;
    made = calloc(1, sizeof *made);
    made->is_roster = operation.data[0] == 'r';
    *op = made;
    return SIGNOFF_OK;
}

static void request(signoff_op *op) {
    signoff_request *it = &op->request.it;
    SIZE(op->step), SIZE(op->request), SIZE(op->credential), SIZE(op->secret);
    op->step.it.kind = SIGNOFF_STEP_REQUEST;
    op->step.it.request = it;
    op->credential.it.placement = SIGNOFF_PLACEMENT_BASIC;
    op->secret.it.placement = SIGNOFF_PLACEMENT_HEADER;
    SET_TEXT(op->secret.it.target, "X-Secret");
    op->secrets[0] = &op->secret.it;
    it->effect = op->is_roster ? SIGNOFF_EFFECT_READ : SIGNOFF_EFFECT_WRITE;
    it->in_doubt = SIGNOFF_IN_DOUBT_REPORT;
    it->id = op->id++;
    SET_TEXT(it->method, "PUT");
    SET_TEXT(it->endpoint, "api");
    SET_TEXT(it->path, "/users");
    SET_TEXT(it->part, "logout");
    SET_TEXT(it->request_id, "misfit-1");
    SET_TEXT(op->header.name, "X-Header");
    SET_TEXT(op->header.value, "value");
    SET_TEXT(op->query.name, "query");
    SET_TEXT(op->query.value, "value");
    it->headers.data = &op->header, it->headers.length = 1;
    it->query.data = &op->query, it->query.length = 1;
    it->credential = &op->credential.it;
    it->secrets = op->secrets;
    it->not_after = SIGNOFF_NEVER;

    BREAKS("works: request ends before what was appended") it->size = offsetof(signoff_request, request_id);
    BREAKS("request.size is 0") it->size = 0;
    BREAKS("request.size ends before method") it->size = offsetof(signoff_request, method);
    BREAKS("request.effect is unknown") it->effect = UNKNOWN;
    BREAKS("request.in_doubt is unknown") it->in_doubt = UNKNOWN;
    BREAKS("request.proves_credential is 2") it->proves_credential = 2;
    BREAKS("request.method is NULL") it->method = nowhere;
    BREAKS("request.method is empty") it->method.length = 0;
    BREAKS("request.method has a line break") SET_TEXT(it->method, "GET\r\nX: y");
    BREAKS("request.method has a NUL") SET_TEXT(it->method, "GET\0");
    BREAKS("request.method is CONNECT") SET_TEXT(it->method, "CONNECT");
    BREAKS("request.endpoint is not declared") SET_TEXT(it->endpoint, "https://evil.example.com");
    BREAKS("request.endpoint has a line break") SET_TEXT(it->endpoint, "api\r\n");
    BREAKS("request.path is NULL") it->path = nowhere;
    BREAKS("request.path is not UTF-8") SET_TEXT(it->path, "/\xff");
    BREAKS("request.path has a line break") SET_TEXT(it->path, "/users\r\nX: y");
    BREAKS("request.path has a NUL") SET_TEXT(it->path, "/users\0");
    BREAKS("request.path climbs") SET_TEXT(it->path, "/users/%2E%2e/admin");
    BREAKS("request.path is another host's") SET_TEXT(it->path, "//evil.example.com/");
    BREAKS("request.path is a URL") SET_TEXT(it->path, "https://evil.example.com/");
    BREAKS("request.query is NULL") it->query.data = NULL;
    BREAKS("request.query has a line break in a name") SET_TEXT(op->query.name, "a\r\nb");
    BREAKS("request.query has a NUL in a value") SET_TEXT(op->query.value, "a\0b");
    BREAKS("request.headers is NULL") it->headers.data = NULL;
    BREAKS("request.headers has a line break in a name") SET_TEXT(op->header.name, "X: y\r\nZ");
    BREAKS("request.headers has an empty name") op->header.name.length = 0;
    BREAKS("request.headers has a line break in a value") SET_TEXT(op->header.value, "a\r\nX: y");
    BREAKS("request.headers has a NUL in a value") SET_TEXT(op->header.value, "a\0b");
    BREAKS("request.headers has an escape in a value") SET_TEXT(op->header.value, "a\x1b[2Jb");
    BREAKS("request.headers has Host") SET_TEXT(op->header.name, "hOST");
    BREAKS("request.headers has Authorization") SET_TEXT(op->header.name, "Authorization");
    BREAKS("request.headers has Cookie") SET_TEXT(op->header.name, "Cookie");
    BREAKS("request.headers has Content-Length") SET_TEXT(op->header.name, "Content-Length");
    BREAKS("request.headers has Transfer-Encoding") SET_TEXT(op->header.name, "Transfer-Encoding");
    BREAKS("request.headers has Proxy-Authorization") SET_TEXT(op->header.name, "Proxy-Authorization");
    BREAKS("request.body is NULL") it->body.length = 1;
    BREAKS("request.body is too long") it->body.data = (const uint8_t *)"x", it->body.length = SIZE_MAX;
    BREAKS("request.credential has size 0") op->credential.it.size = 0;
    BREAKS("request.credential has an unknown placement") op->credential.it.placement = UNKNOWN;
    BREAKS("request.credential is another than the configuration has") SET_TEXT(op->credential.it.name, "root");
    BREAKS("request.credential goes into Host") {
        op->credential.it.placement = SIGNOFF_PLACEMENT_HEADER;
        SET_TEXT(op->credential.it.target, "Host");
    }
    BREAKS("request.credential goes into a header with a line break") {
        op->credential.it.placement = SIGNOFF_PLACEMENT_HEADER;
        SET_TEXT(op->credential.it.target, "X\r\nY");
    }
    BREAKS("request.credential goes into a query with a NUL") {
        op->credential.it.placement = SIGNOFF_PLACEMENT_QUERY;
        SET_TEXT(op->credential.it.target, "a\0b");
    }
    BREAKS("request.credential goes into a form with a line break") {
        op->credential.it.placement = SIGNOFF_PLACEMENT_FORM;
        SET_TEXT(op->credential.it.target, "a\nb");
    }
    BREAKS("request.credential goes into JSON with a line break") {
        op->credential.it.placement = SIGNOFF_PLACEMENT_JSON_POINTER;
        SET_TEXT(op->credential.it.target, "/a\nb");
    }
    BREAKS("request.credential goes nowhere in JSON") {
        op->credential.it.placement = SIGNOFF_PLACEMENT_JSON_POINTER;
        SET_TEXT(op->credential.it.target, "a");
    }
    BREAKS("request.secrets is NULL") it->secrets = NULL, it->secret_count = 1;
    BREAKS("request.secrets has a NULL") op->secrets[0] = NULL, it->secret_count = 1;
    BREAKS("request.secrets has an unknown placement") op->secret.it.placement = UNKNOWN, it->secret_count = 1;
    BREAKS("request.secrets has one of somebody else") op->secret.it.handle = 7, it->secret_count = 1;
    BREAKS("request.part is empty") it->part.length = 0;
    BREAKS("request.part has a line break") SET_TEXT(it->part, "a\r\nb");
    BREAKS("request.request_id is not UTF-8") it->request_id = no_utf8;
    BREAKS("request.request_id has a line break") SET_TEXT(it->request_id, "a\r\nb");
    BREAKS("works: request.timeout and answer_cap have no end") it->timeout = it->answer_cap = UINT64_MAX;
    BREAKS("works: request.timeout is a nanosecond") it->timeout = 1;
    BREAKS("works: request.answer_cap is a byte") it->answer_cap = 1;
    BREAKS("works: request.not_after is long ago") it->not_after = 1;
    BREAKS("works: request.in_doubt lasts for ever") {
        it->in_doubt = SIGNOFF_IN_DOUBT_REPEAT;
        it->repeat_within = UINT64_MAX;
    }
    BREAKS("works roster: request.max_age lasts for ever") it->max_age = UINT64_MAX;
    BREAKS("stopped roster: request.not_before lies at the end of time") it->not_before = UINT64_MAX;
    BREAKS("roster: request writes, and is declared not to") it->effect = SIGNOFF_EFFECT_WRITE;
    BREAKS("request.id is used twice") op->id = 0, op->asked = 0;
    BREAKS("never ends: requests") op->asked = 0;
    BREAKS("stopped roster: reads that are answered at once") it->max_age = UINT64_MAX;
    /* So that no answer comes in between, however slow the machine. */
    BREAKS("roster: wait for a moment that has passed") it->not_before = UINT64_MAX;
}

static void wait(signoff_op *op, signoff_now now) {
    signoff_wait *it = &op->wait.it;
    SIZE(op->step), SIZE(op->wait);
    op->step.it.kind = SIGNOFF_STEP_WAIT;
    op->step.it.wait = it;
    it->until = SIGNOFF_NEVER;

    BREAKS("wait.size is 0") it->size = 0;
    BREAKS("wait.reason is NULL") it->reason = nowhere;
    BREAKS("wait.reason is not UTF-8") it->reason = no_utf8;
    BREAKS("roster: wait for a moment that has passed") it->until = 0;
    BREAKS("works: wait.until is the last moment there is") it->until = SIGNOFF_NEVER - 1;
    BREAKS("stopped: it goes on for ever") it->until = now.monotonic + 1000000;
    BREAKS("stopped: it asks for more after CANCEL") {
        op->asked = !op->cancelled;
        it->until = now.monotonic + 1000000;
    }
    BREAKS("plan never ends: writes that are held") op->asked = 0;
    BREAKS("stopped roster: reads that are answered at once") op->asked = op->cancelled;
}

/* Lists in lists, or a map that holds itself. */
static signoff_value nested(signoff_op *op, size_t depth) {
    signoff_value value = { SIGNOFF_VALUE_MAP, { 0 } };
    for (size_t i = 0; i + 1 < depth; i++) {
        op->nested[i].value.kind = SIGNOFF_VALUE_MAP;
        op->nested[i].value.payload.map.data = &op->nested[i + 1];
        op->nested[i].value.payload.map.length = 1;
    }
    op->nested[depth - 1].value.kind = SIGNOFF_VALUE_NULL;
    value.payload.map.data = op->nested;
    value.payload.map.length = 1;
    return value;
}

static void record(signoff_op *op) {
    signoff_record *it = &op->record.it;
    signoff_value *value = &op->field.value;
    SIZE(op->step), SIZE(op->record);
    op->step.it.kind = SIGNOFF_STEP_RECORD;
    op->step.it.record = it;
    op->has_row = 1;
    SET_TEXT(it->id, "mara");
    SET_TEXT(op->field.name, "level");
    value->kind = SIGNOFF_VALUE_INTEGER;
    value->payload.integer = 3;
    it->attributes.data = &op->field, it->attributes.length = 1;

    BREAKS("roster: record.size is 0") it->size = 0;
    BREAKS("roster: record.id is not UTF-8") it->id = no_utf8;
    BREAKS("roster: record.attributes is NULL") it->attributes.data = NULL;
    BREAKS("roster: record.attributes are too many") it->attributes.length = 1000001;
    BREAKS("roster: value is of an unknown kind") value->kind = UNKNOWN;
    BREAKS("roster: value is a boolean of 2") value->kind = SIGNOFF_VALUE_BOOLEAN, value->payload.boolean = 2;
    BREAKS("roster: value is NaN") value->kind = SIGNOFF_VALUE_NUMBER, value->payload.number = (double)NAN;
    BREAKS("roster: value is infinite") value->kind = SIGNOFF_VALUE_NUMBER, value->payload.number = (double)-INFINITY;
    BREAKS("roster: value is a text at NULL") value->kind = SIGNOFF_VALUE_TEXT, value->payload.text = nowhere;
    BREAKS("works roster: value nests as deep as it may") *value = nested(op, 16);
    BREAKS("roster: value nests too deep") *value = nested(op, 17);
    BREAKS("roster: value holds itself") {
        value->kind = SIGNOFF_VALUE_MAP;
        value->payload.map.data = &op->field, value->payload.map.length = 1;
    }
    BREAKS("roster: value holds itself twice") {
        signoff_value list = { SIGNOFF_VALUE_LIST, { 0 } };
        list.payload.list.data = op->values, list.payload.list.length = 2;
        *value = op->values[0] = op->values[1] = list;
    }
    BREAKS("never ends roster: rows") op->has_row = 0;
}

static void subscribe(signoff_op *op) {
    signoff_subscribe *it = &op->subscribe.it;
    SIZE(op->step), SIZE(op->subscribe);
    op->step.it.kind = SIGNOFF_STEP_SUBSCRIBE;
    op->step.it.subscribe = it;
    it->id = ++op->id;
    BREAKS("subscribe.node is NULL") it->node = nowhere;
}

static void finish(signoff_op *op) {
    signoff_finished *it = &op->finished.it;
    SIZE(op->step), SIZE(op->finished);
    op->step.it.kind = SIGNOFF_STEP_FINISHED;
    op->step.it.finished = it;
    it->outcome = SIGNOFF_OUTCOME_DONE;
    it->confirmed_by = SIGNOFF_CONFIRMED_BY_RESPONSE;

    BREAKS("works: finished ends before what was appended") it->size = offsetof(signoff_finished, fields);
    BREAKS("finished.size is 0") it->size = 0;
    BREAKS("finished.outcome is unknown") it->outcome = UNKNOWN;
    BREAKS("finished.confirmed_by is unknown") it->confirmed_by = UNKNOWN;
    BREAKS("finished.code is not UTF-8") it->code = no_utf8;
    BREAKS("finished.message is NULL") it->message = nowhere;
    BREAKS("finished.fields is NULL") it->fields.length = 1;
}

static uint32_t op_poll(signoff_op *op, signoff_now now, const signoff_step **step, char *error, size_t capacity) {
    (void)error, (void)capacity;
    BREAKS("op_poll: unknown result code") return UNKNOWN;
    BREAKS("op_poll: gives no step") return SIGNOFF_OK;
    BREAKS("op_poll: is poisoned") return SIGNOFF_ERROR_POISONED;
    if (strncmp(BAD, "subscribe", 9) == 0) {
        subscribe(op);
    } else BREAKS("never ends: subscriptions") {
        subscribe(op);
    } else BREAKS("record: a row from what yields none") {
        record(op);
    } else BREAKS("wait: for nothing") {
        wait(op, now);
    } else if (op->answers > 0 && op->is_roster && !op->has_row) {
        record(op);
    } else if (op->answers > 0 && op->asked) {
        finish(op);
    } else if (!op->asked) {
        op->asked = 1;
        request(op);
    } else {
        wait(op, now);
    }
    BREAKS("step.size is 0") op->step.it.size = 0;
    BREAKS("step.size is 4") op->step.it.size = 4;
    BREAKS("step.size ends before its member") op->step.it.size = 8;
    BREAKS("step.kind is 0") op->step.it.kind = 0;
    BREAKS("step.kind is unknown") op->step.it.kind = UNKNOWN;
    BREAKS("step.request is NULL") op->step.it.request = NULL;
    BREAKS("step.wait is NULL") op->step.it.wait = NULL;
    BREAKS("roster: step.record is NULL") op->step.it.record = NULL;
    BREAKS("step.finished is NULL") op->step.it.finished = NULL;
    BREAKS("step.subscribe is NULL") op->step.it.kind = SIGNOFF_STEP_SUBSCRIBE;
    *step = &op->step.it;
    BREAKS("step is not aligned") *step = (const signoff_step *)(const void *)((const char *)op + 1);
    return SIGNOFF_OK;
}

static uint32_t op_input(signoff_op *op, signoff_now now, const signoff_input *input, char *error, size_t capacity) {
    (void)now, (void)error, (void)capacity;
    BREAKS("op_input: unknown result code") return UNKNOWN;
    BREAKS("op_input: is poisoned") return SIGNOFF_ERROR_POISONED;
    if (input->kind == SIGNOFF_INPUT_CANCEL) {
        op->cancelled = 1;
    } else if (input->kind != SIGNOFF_INPUT_FEED_REFUSED && strncmp(BAD, "stopped", 7) != 0) {
        op->answers++;
    }
    BREAKS("plan never ends: writes that are held") op->answers = 0;
    return SIGNOFF_OK;
}

static void op_free(signoff_op *op) {
    free(op);
}

static uint32_t classify(signoff_provider *provider, const signoff_response *response, signoff_class *result,
                         char *error, size_t capacity) {
    (void)provider, (void)response, (void)error, (void)capacity;
    BREAKS("classify: unknown result code") return UNKNOWN;
    BREAKS("classify: gives nothing") return SIGNOFF_OK;
    BREAKS("classify: is poisoned") return SIGNOFF_ERROR_POISONED;
    result->kind = SIGNOFF_CLASS_OK;
    BREAKS("class.size is 0") result->size = 0;
    BREAKS("works: class.size is larger than its room") result->size = 4096;
    BREAKS("class.kind is unknown") result->kind = UNKNOWN;
    BREAKS("class.has_after is 2") result->kind = SIGNOFF_CLASS_THROTTLED, result->has_after = 2;
    BREAKS("stopped: class.after is the end of time") {
        result->kind = SIGNOFF_CLASS_THROTTLED;
        result->has_after = 1, result->after = UINT64_MAX;
    }
    return SIGNOFF_OK;
}

static const void *extension(signoff_text id) {
    (void)id;
    return NULL;
}

const signoff_api *signoff_provider_v1(void) {
    SIZE(api);
    describe_it();
    api.it.describe = describe;
    api.it.provider_new = provider_new;
    api.it.provider_free = provider_free;
    api.it.op_new = op_new;
    api.it.op_poll = op_poll;
    api.it.op_input = op_input;
    api.it.op_free = op_free;
    api.it.classify = classify;
    api.it.extension = extension;
    BREAKS("table is NULL") return NULL;
    BREAKS("table is not aligned") return (const signoff_api *)(const void *)((const char *)&api + 1);
    BREAKS("table.size is 0") api.it.size = 0;
    BREAKS("table.size is 4") api.it.size = 4;
    BREAKS("table.size is smaller") api.it.size = offsetof(signoff_api, extension);
    BREAKS("table.describe is NULL") api.it.describe = NULL;
    BREAKS("table.provider_new is NULL") api.it.provider_new = NULL;
    BREAKS("table.provider_free is NULL") api.it.provider_free = NULL;
    BREAKS("table.op_new is NULL") api.it.op_new = NULL;
    BREAKS("table.op_poll is NULL") api.it.op_poll = NULL;
    BREAKS("table.op_input is NULL") api.it.op_input = NULL;
    BREAKS("table.op_free is NULL") api.it.op_free = NULL;
    BREAKS("table.classify is NULL") api.it.classify = NULL;
    BREAKS("table.extension is NULL") api.it.extension = NULL;
    return &api.it;
}

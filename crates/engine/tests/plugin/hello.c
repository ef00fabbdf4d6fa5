/* The smallest useful provider, in C: it asks whether a user is signed in, and says so. */

#include "signoff_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef HELLO_ID
#define HELLO_ID "hello"
#endif

#define TEXT(literal) { literal, sizeof(literal) - 1 }

struct signoff_provider {
    char greeting[32];
};

struct signoff_op {
    signoff_provider *provider;
    char path[128];
    uint32_t status;
    int asked, cancelled;
    signoff_step step;
    signoff_request request;
    signoff_credential_use credential;
    signoff_wait wait;
    signoff_finished finished;
    signoff_field field;
};

static const signoff_text choices[] = { TEXT("hello"), TEXT("good day") };
static const signoff_parameter greeting = {
    sizeof(signoff_parameter), SIGNOFF_PARAMETER_TEXT, 0, 0,
    TEXT("greeting"), TEXT("hello"), { choices, 2 }, TEXT("what it says"),
};
static const signoff_parameter *const options[] = { &greeting };
static const signoff_operation status = {
    sizeof(signoff_operation), 0, SIGNOFF_TARGET_USER, SIGNOFF_YIELDS_OUTCOME,
    TEXT("status"), TEXT("whether a user is signed in"), NULL, 0,
};
static const signoff_operation *const operations[] = { &status };
static const signoff_endpoint api = { sizeof(signoff_endpoint), 1, TEXT("api"), TEXT("where it is") };
static const signoff_endpoint *const endpoints[] = { &api };
static const uint32_t credentials[] = { SIGNOFF_CREDENTIAL_BASIC };
static const signoff_descriptor descriptor = {
    sizeof(signoff_descriptor), SIGNOFF_ACTS_ON_USER, 1, 4, 10.0, UINT64_C(10000000000), UINT64_C(1000000000),
    TEXT(HELLO_ID), TEXT("Hello"), TEXT("0.3.0"), TEXT("says hello"),
    options, 1, operations, 1, endpoints, 1, credentials, 1, NULL, 0, { NULL, 0 },
};

static const signoff_descriptor *describe(void) {
    return &descriptor;
}

static uint32_t fail(uint32_t code, const char *text, char *error, size_t capacity) {
    if (capacity > 0) {
        snprintf(error, capacity, "%s", text);
    }
    return code;
}

static int is(signoff_text text, const char *expected) {
    return text.length == strlen(expected) && memcmp(text.data, expected, text.length) == 0;
}

static uint32_t provider_new(signoff_fields given, signoff_provider **provider, char *error, size_t capacity) {
    signoff_provider *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(SIGNOFF_ERROR_OPTIONS, "out of memory", error, capacity);
    }
    for (size_t i = 0; i < given.length; i++) {
        const signoff_field *field = &given.data[i];
        if (is(field->name, "greeting") && field->value.kind == SIGNOFF_VALUE_TEXT) {
            snprintf(made->greeting, sizeof made->greeting, "%.*s", (int)field->value.payload.text.length,
                     field->value.payload.text.data);
        }
    }
    if (strcmp(made->greeting, "goodbye") == 0) {
        free(made);
        return fail(SIGNOFF_ERROR_OPTIONS, "`greeting` is no greeting", error, capacity);
    }
    *provider = made;
    return SIGNOFF_OK;
}

static void provider_free(signoff_provider *provider) {
    free(provider);
}

static uint32_t op_new(signoff_provider *provider, signoff_text operation, const signoff_args *args,
                       const signoff_context *context, signoff_now now, signoff_op **op, char *error,
                       size_t capacity) {
    signoff_op *made;
    (void)context;
    (void)now;
    if (!is(operation, "status")) {
        return fail(SIGNOFF_ERROR_UNKNOWN_OPERATION, "no such operation", error, capacity);
    }
    if (args->user == NULL || args->user->id.length > 64) {
        return fail(SIGNOFF_ERROR_ARGUMENTS, "a user is needed", error, capacity);
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(SIGNOFF_ERROR_ARGUMENTS, "out of memory", error, capacity);
    }
    made->provider = provider;
    snprintf(made->path, sizeof made->path, "/users/%.*s", (int)args->user->id.length, args->user->id.data);
    *op = made;
    return SIGNOFF_OK;
}

static void ask(signoff_op *op) {
    static const signoff_text method = TEXT("GET"), endpoint = TEXT("api");
    op->credential.size = sizeof op->credential;
    op->credential.placement = SIGNOFF_PLACEMENT_BASIC;
    op->request.size = sizeof op->request;
    op->request.effect = SIGNOFF_EFFECT_READ;
    op->request.id = 1;
    op->request.method = method;
    op->request.endpoint = endpoint;
    op->request.path.data = op->path;
    op->request.path.length = strlen(op->path);
    op->request.credential = &op->credential;
    op->request.not_after = SIGNOFF_NEVER;
    op->step.kind = SIGNOFF_STEP_REQUEST;
    op->step.request = &op->request;
    op->asked = 1;
}

static void finish(signoff_op *op) {
    static const signoff_text name = TEXT("greeting");
    op->finished.size = sizeof op->finished;
    op->finished.outcome = op->cancelled           ? SIGNOFF_OUTCOME_CANCELLED
                           : op->status == 404     ? SIGNOFF_OUTCOME_NOT_FOUND
                           : op->status / 100 == 2 ? SIGNOFF_OUTCOME_DONE
                                                   : SIGNOFF_OUTCOME_FAILED;
    op->finished.confirmed_by =
        op->finished.outcome == SIGNOFF_OUTCOME_DONE ? SIGNOFF_CONFIRMED_BY_RESPONSE : SIGNOFF_CONFIRMED_BY_NOTHING;
    op->field.name = name;
    op->field.value.kind = SIGNOFF_VALUE_TEXT;
    op->field.value.payload.text.data = op->provider->greeting;
    op->field.value.payload.text.length = strlen(op->provider->greeting);
    op->finished.fields.data = &op->field;
    op->finished.fields.length = 1;
    op->step.kind = SIGNOFF_STEP_FINISHED;
    op->step.finished = &op->finished;
}

static uint32_t op_poll(signoff_op *op, signoff_now now, const signoff_step **step, char *error, size_t capacity) {
    (void)now;
    (void)error;
    (void)capacity;
    op->step.size = sizeof op->step;
    if (op->status != 0 || op->cancelled) {
        finish(op);
    } else if (!op->asked) {
        ask(op);
    } else {
        op->wait.size = sizeof op->wait;
        op->wait.until = SIGNOFF_NEVER;
        op->step.kind = SIGNOFF_STEP_WAIT;
        op->step.wait = &op->wait;
    }
    *step = &op->step;
    return SIGNOFF_OK;
}

static uint32_t op_input(signoff_op *op, signoff_now now, const signoff_input *input, char *error, size_t capacity) {
    (void)now;
    if (input->kind == SIGNOFF_INPUT_RESPONSE) {
        op->status = input->response->status;
    } else if (input->kind == SIGNOFF_INPUT_FAILURE) {
        op->status = 599;
    } else if (input->kind == SIGNOFF_INPUT_CANCEL) {
        op->cancelled = 1;
    } else if (input->kind > SIGNOFF_INPUT_CANCEL) {
        return fail(SIGNOFF_ERROR_CONTRACT, "an unknown input", error, capacity);
    }
    return SIGNOFF_OK;
}

static void op_free(signoff_op *op) {
    free(op);
}

static uint32_t classify(signoff_provider *provider, const signoff_response *response, signoff_class *result,
                         char *error, size_t capacity) {
    (void)provider;
    (void)error;
    (void)capacity;
    result->size = sizeof *result;
    result->kind = response->status == 401   ? SIGNOFF_CLASS_CREDENTIAL_REFUSED
                   : response->status == 503 ? SIGNOFF_CLASS_UNAVAILABLE
                                             : SIGNOFF_CLASS_OK;
    return SIGNOFF_OK;
}

static const void *extension(signoff_text id) {
    (void)id;
    return NULL;
}

static const signoff_api table = {
    sizeof(signoff_api), 0, describe, provider_new, provider_free, op_new, op_poll, op_input, op_free, classify, extension,
};

SIGNOFF_EXPORT const signoff_api *signoff_provider_v1(void) {
    return &table;
}

#include "lib/delta/model.h"

#include <string.h>

#include "lib/delta/change.h"
#include "lib/delta/control.h"
#include "lib/delta/literal.h"
#include "lib/delta/space.h"

struct delta_model {
    struct delta_logistic logistic;
    struct delta_history history;
    struct delta_guess guess;
    struct delta_literal literal;
    struct delta_change change;
    struct delta_control control;
};

uint64_t delta_model_bytes(unsigned counters_log2, unsigned history_log2)
{
    return delta_space_of(sizeof(struct delta_model)) +
           delta_space_of((size_t)delta_guess_bytes(counters_log2)) +
           delta_space_of((size_t)delta_literal_bytes(history_log2)) +
           delta_space_of((size_t)delta_change_bytes(counters_log2));
}

struct delta_model *delta_model_init(void *memory, unsigned counters_log2, unsigned history_log2,
                                     struct delta_coder *coder)
{
    struct delta_model *model = memory;
    uint8_t *at = (uint8_t *)memory + delta_space_of(sizeof(*model));

    memset(model, 0, sizeof(*model));
    delta_logistic_init(&model->logistic);
    delta_history_init(&model->history);
    model->guess.coder = coder;
    model->guess.logistic = &model->logistic;
    model->guess.history = &model->history;
    delta_guess_init(&model->guess, at, counters_log2);
    at += delta_space_of((size_t)delta_guess_bytes(counters_log2));
    model->literal.guess = &model->guess;
    delta_literal_init(&model->literal, at, history_log2);
    at += delta_space_of((size_t)delta_literal_bytes(history_log2));
    model->change.guess = &model->guess;
    delta_change_init(&model->change, at, counters_log2);
    model->control.guess = &model->guess;
    delta_model_reset(model);
    return model;
}

void delta_model_reset(struct delta_model *model)
{
    delta_guess_reset(&model->guess);
    delta_literal_reset(&model->literal);
    delta_change_reset(&model->change);
    delta_control_reset(&model->control);
}

uint64_t delta_model_control(struct delta_model *model, uint64_t word)
{
    return delta_control_word(&model->control, word);
}

uint64_t delta_model_number(struct delta_model *model, unsigned context, uint64_t value)
{
    ASSERT(context < DELTA_NUMBER_CONTEXTS);
    return delta_control_number(&model->control, context, value);
}

uint8_t delta_model_insert(struct delta_model *model, uint8_t byte)
{
    byte = (uint8_t)delta_literal_code(&model->literal, byte);
    delta_change_passed(&model->change, &byte, 1);
    return byte;
}

void delta_model_add(struct delta_model *model, const uint8_t *old, uint64_t old_at,
                     uint64_t new_at, uint8_t *bytes, size_t len)
{
    delta_change_code(&model->change, old, old_at, new_at, bytes, len);
    delta_literal_passed(&model->literal, bytes, len);
}

void delta_model_scope(struct delta_model *model, const struct delta_scope *scope)
{
    delta_predict_scope(&model->change.predict, scope);
}

void delta_model_passed(struct delta_model *model, const uint8_t *data, size_t len)
{
    delta_literal_passed(&model->literal, data, len);
    delta_change_passed(&model->change, data, len);
}

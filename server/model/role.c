#include "model/role.h"

#include "model/model.h"

const str scope_action_words[SCOPE_ACTION_COUNT] = {
    S("view"), S("create"), S("edit"), S("delete"), S("export"),
};
const str scope_rows_words[SCOPE_ROWS_COUNT] = {
    S("own"), S("managed"), S("assigned"), S("shared"), S("all"),
};

uint8_t model_group(const struct model *model, str name)
{
    for (uint32_t at = 0; at < model->group_count; at++)
        if (str_eq(model->groups[at].name, name)) return (uint8_t)(at + 1);
    return 0;
}

const struct role *model_role(const struct model *model, str name)
{
    for (uint32_t at = 0; at < model->role_count; at++)
        if (str_eq(model->roles[at].name, name)) return &model->roles[at];
    return nullptr;
}

#include "record/scope.h"

struct scope scope_system(void)
{
    struct scope scope = {.actor_kind = ACTOR_SYSTEM};
    memset(scope.actions, SCOPE_EVERYTHING, sizeof scope.actions);
    return scope;
}

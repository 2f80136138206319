/** role: what a role may, as a scope.
 *
 *  Floor   access; the one place above record/ where scopes are made.
 *  Thread  any.
 */
#pragma once

#include "model/model.h"
#include "record/scope.h"

/** The scope of a user in this role; an unknown role may nothing. */
struct scope scope_of_role(const struct model *model, str role, struct id user);

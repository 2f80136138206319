/** rules_file: the mode that reads the built-in rules: a folder of files, one rule in each.
 *
 *  Thread  the only one.
 *  Bytes   a file returns one declaration, which is data only:
 *            return rule "inactive_after_silence" {
 *              name = "…", note = "…", entity = "client", point = "schedule", state = "off",
 *              on = { "create" }, when = { … }, when_settings = { … }, changed = { "status" },
 *              priority = 100, every = "day", set = { … }, reject = "…", source = [[ … ]],
 *            }
 *          and all of them together become one MessagePack value:
 *            {"version": 1, "rules": [{"at": "rules/inactive_after_silence.lua:1", "name": text,
 *                                      "attributes": {word: value}}]}
 *          in the order of the sorted files. Words come sorted, values are those of schema.c: text,
 *          integer, float, boolean, list or map. Which words there may be, and that a name stands
 *          once, is judged by who reads it (rules/rule.h); that a source compiles is judged here.
 */
#pragma once

/** `--rules FOLDER`. The exit code; on 1, standard error says `rules/x.lua:12: …`. */
int rules_file_run(char **arguments);

/** schema: the first mode: reads a folder of declarations and writes them as one MessagePack value.
 *
 *  Thread  the only one.
 */
#pragma once

/** `--schema FOLDER`. The exit code; on 1, standard error says `schema/x.lua:12: …`. */
int schema_run(char **arguments);

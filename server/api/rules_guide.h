/** rules_guide: what authors of rules read: the guide (lua/guide.md), the reference of all that a
 *  script sees, and the worked examples (lua/examples/), made once at the start.
 *
 *  Floor   api, inside.
 *  Thread  guide_make: main, at the start. Then any, read only.
 *  Memory  the arena given.
 */
#pragma once

#include "api/api.h"
#include "base/task.h"

struct guide {
    /** `{"guide": markdown, "limits": {…}, "names": […], "examples": [{"example", "rule"}]}` */
    str json;
    str markdown; /** the guide, the reference and the examples as one text */
    str html;     /** the same as a page */
};

/** ERR_UNREADABLE: what the runner told cannot be read. */
enum err guide_make(struct task *task, struct arena *arena, const struct rule_texts *texts,
                    struct guide *guide_out);

/** Markdown as HTML: headings, paragraphs, tables, lists, code; for guide_make and its tests. */
void guide_html(struct buf *html, str markdown);

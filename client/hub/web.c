/* web: placeholder until the pages stand */
#include "client/hub/web.h"
#include "common/base/banned.h"
int web_open(struct hub *hub, web_t **out, struct complaint *why)
{
    (void)hub;
    *out = NULL;
    (void)why;
    return 0;
}
void web_destroy(web_t **self_p)
{
    (void)self_p;
}
int web_link(web_t *self, struct buf *out)
{
    (void)self;
    (void)out;
    return E_CONFIG;
}
int web_fd(const web_t *self)
{
    (void)self;
    return -1;
}
int64_t web_due_ms(const web_t *self)
{
    (void)self;
    return INT64_MAX;
}
void web_serve(web_t *self)
{
    (void)self;
}

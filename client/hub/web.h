/*
 * web: the hub's page: overview, pairs, deadlines, one case, live traffic, for a browser on this machine. Plain HTTP on
 * the loopback (common/http), HTML made here, one style sheet and one small script of our own, nothing from elsewhere.
 * An open page listens on /events (server-sent events) and fetches its main part again where something came in.
 *
 * Who may see it: whoever can reach the hub's socket asks for a link (`waypost hub link`). It holds a token that is good
 * once, for two minutes; the browser gives it back by a form and gets a cookie for the session, SameSite=Strict and
 * HttpOnly. Sessions and tokens live in memory alone: a restart logs everybody out.
 */
#ifndef WAYPOST_HUB_WEB_H
#define WAYPOST_HUB_WEB_H

#include "client/hub/hub.h"

/* Listen where the configuration says. 0; E_EXISTS, E_PERMISSION, E_IO with a sentence. */
int web_open(struct hub *hub, web_t **out, struct complaint *why);
void web_destroy(web_t **self_p);

int web_link(web_t *self, struct buf *out); /* 0: an address with a fresh token, appended */

int web_fd(const web_t *self);
int64_t web_due_ms(const web_t *self); /* on mono_ms */
void web_serve(web_t *self);

#endif

/* test_pipe: pointers handed from thread to thread; run under ThreadSanitizer it finds what is looked at too late. */
#include "broker/net/pipe.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

enum { NOTES = 20000 };

static void *answer(void *argument)
{
    pipe_t *pipe = argument;
    void *pointer;

    while (pipe_receive(pipe, PIPE_FAR, true, &pointer) && pointer != NULL) {
        ++*(uint32_t *)pointer;
        pipe_send(pipe, PIPE_FAR, pointer);
    }
    return NULL;
}

static void pipe__two_threads__keep_the_order(void **state)
{
    pipe_t *pipe = NULL;
    pthread_t thread;
    void *pointer;
    uint32_t got = 0;

    (void)state;
    assert_int_equal(pipe_open(&pipe), 0);
    assert_int_equal(pthread_create(&thread, NULL, answer, pipe), 0);
    for (uint32_t i = 0; i < NOTES; i++) {
        uint32_t *number = mem_new(1, sizeof *number);
        *number = i;
        pipe_send(pipe, PIPE_NEAR, number);
        while (got <= i && pipe_receive(pipe, PIPE_NEAR, i % 64 == 63, &pointer)) {
            assert_int_equal(*(uint32_t *)pointer, ++got);
            free(pointer);
        }
    }
    while (got < NOTES) {
        assert_true(pipe_receive(pipe, PIPE_NEAR, true, &pointer));
        assert_int_equal(*(uint32_t *)pointer, ++got);
        free(pointer);
    }
    pipe_send(pipe, PIPE_NEAR, NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(pipe_receive(pipe, PIPE_NEAR, false, &pointer));
    pipe_destroy(&pipe);
    assert_null(pipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipe__two_threads__keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

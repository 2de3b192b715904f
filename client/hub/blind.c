/* blind: see blind.h. Nothing here fails but reading a text that a person typed. */
#include "client/hub/blind.h"

#include <string.h>

#include <sodium.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/uuid.h"

#include "common/base/banned.h"

enum { DIGITS = 12, BITS = 5, GROUP = 4 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int64_t blind_number(const uint8_t *key, enum blind_what what, const uint8_t *id)
{
    static const char *const words[] = {"case", "event", "child"};
    crypto_generichash_state state;
    uint8_t hash[16];

    (void)crypto_generichash_init(&state, key, BLIND_KEY_BYTES, sizeof hash);
    (void)crypto_generichash_update(
        &state, (const unsigned char *)words[what], strlen(words[what]) + 1);
    (void)crypto_generichash_update(&state, id, UUID_BYTES);
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    return (int64_t)(get_u64(hash) >> (64 - DIGITS * BITS));
}

void blind_text(int64_t number, char *text)
{
    size_t at = 0;

    for (int i = 0; i < DIGITS; i++) {
        if (i > 0 && i % GROUP == 0) {
            text[at++] = '-';
        }
        text[at++] = alphabet[number >> (BITS * (DIGITS - 1 - i)) & 31];
    }
    text[at] = '\0';
}

static int digit_of(char letter)
{
    char upper = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;

    upper = upper == 'O' ? '0' : upper;
    upper = upper == 'I' || upper == 'L' ? '1' : upper;
    const char *found = upper == '\0' ? NULL : strchr(alphabet, upper);
    return found == NULL ? -1 : (int)(found - alphabet);
}

int blind_parse(const char *text, int64_t *number)
{
    int64_t value = 0;
    int digits = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '-' || *at == ' ') {
            continue;
        }
        int digit = digit_of(*at);
        if (digit < 0 || ++digits > DIGITS) {
            return E_ID;
        }
        value = value << BITS | digit;
    }
    if (digits != DIGITS) {
        return E_ID;
    }
    *number = value;
    return 0;
}

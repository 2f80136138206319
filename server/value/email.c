#include "value/email.h"

#include "base/fold.h"

constexpr size_t LOCAL_BYTES_MAX = 64; /** before the @, RFC 5321 4.5.3.1.1 */
constexpr size_t LABEL_BYTES_MAX = 63; /** of a part of a domain, RFC 1035 */
constexpr size_t DOMAIN_BYTES_MAX = 253;

static bool is_local_part(str local)
{
    static const str signs = S("!#$%&'*+-/=?^_`{|}~");
    if (local.len == 0 || local.len > LOCAL_BYTES_MAX) return false;
    for (size_t i = 0; i < local.len; i++) {
        uint8_t byte = (uint8_t)local.at[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || byte >= 0x80 ||
                        str_find_byte(signs, local.at[i]) != SIZE_MAX;
        bool is_inner_dot = byte == '.' && i > 0 && i + 1 < local.len && local.at[i - 1] != '.';
        if (!is_plain && !is_inner_dot) return false;
    }
    return true;
}

static bool is_domain(str domain)
{
    size_t dots = 0;
    size_t label = 0;
    for (size_t i = 0; i < domain.len; i++) {
        uint8_t byte = (uint8_t)domain.at[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || byte >= 0x80;
        bool is_inner_hyphen =
            byte == '-' && label > 0 && i + 1 < domain.len && domain.at[i + 1] != '.';
        if (byte == '.' && label > 0) {
            dots++;
            label = 0;
        } else if ((is_plain || is_inner_hyphen) && label < LABEL_BYTES_MAX) {
            label++;
        } else {
            return false;
        }
    }
    return domain.len <= DOMAIN_BYTES_MAX && dots > 0 && label > 0;
}

bool email_is_address(str text)
{
    str local, domain;
    bool has_at = str_cut(text, '@', &local, &domain);
    bool has_form =
        has_at && text.len <= EMAIL_BYTES_MAX && is_local_part(local) && is_domain(domain);
    if (!has_form || !utf8_is_valid(text) || !utf8_is_identifier(local)) return false;
    str label, rest;
    for (; str_cut(domain, '.', &label, &rest); domain = rest)
        if (!utf8_is_identifier(label)) return false;
    return utf8_is_identifier(domain);
}

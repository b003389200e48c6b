#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static void *fresh(size_t octets) {
    void *memory = calloc(1, octets);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static const char *value(const char *at, struct json *into);

/* A code point as UTF-8. */
static size_t utf8(unsigned long point, char *to) {
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3F));
        to[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3F));
    to[2] = (char)(0x80 | (point >> 6 & 0x3F));
    to[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* Four hexadecimal digits; 0x110000 when they are none. */
static unsigned long digits(const char *at) {
    unsigned long number = 0;
    for (int i = 0; i < 4; i++) {
        const char *all = "0123456789abcdef";
        const char *digit = at[i] == '\0' ? NULL : strchr(all, at[i] >= 'A' && at[i] <= 'F' ? at[i] + 32 : at[i]);
        if (digit == NULL) {
            return 0x110000;
        }
        number = number * 16 + (unsigned long)(digit - all);
    }
    return number;
}

/* What follows a backslash at `at`; writes it, and says how many octets were read: 0 when it is wrong. */
static size_t escaped(const char *at, char *to, size_t *written) {
    const char *names = "bfnrt", *means = "\b\f\n\r\t";
    const char *name = *at == '\0' ? NULL : strchr(names, *at);
    if (*at != 'u') {
        to[0] = name == NULL ? *at : means[name - names];
        *written = 1;
        return *at == '\0' ? 0 : 1;
    }
    unsigned long point = digits(at + 1);
    size_t read = 5;
    if (point >= 0xD800 && point < 0xDC00 && at[5] == '\\' && at[6] == 'u') {
        unsigned long low = digits(at + 7);
        if (low >= 0xDC00 && low < 0xE000) {
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            read = 11;
        }
    }
    *written = utf8(point, to);
    return point > 0x10FFFF ? 0 : read;
}

static const char *string(const char *at, char **into) {
    if (*at != '"') {
        return NULL;
    }
    at++;
    /* No text becomes longer by what is escaped. */
    const char *end = at;
    while (*end != '"' && *end != '\0') {
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    }
    char *to = *into = fresh((size_t)(end - at) + 1);
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        size_t written = 0, read = escaped(at + 1, to, &written);
        if (read == 0) {
            return NULL;
        }
        to += written;
        at += 1 + read;
    }
    *to = '\0';
    return *end == '"' ? end + 1 : NULL;
}

/* Elements or members, up to the bracket that closes. */
static const char *elements(const char *at, struct json *into, char closing) {
    struct json **next = &into->first;
    at = space(at + 1);
    while (at != NULL && *at != closing) {
        struct json *element = *next = fresh(sizeof *element);
        next = &element->next;
        if (closing == '}') {
            at = string(at, &element->key);
            at = at == NULL ? NULL : space(at);
            at = at == NULL || *at != ':' ? NULL : space(at + 1);
        }
        at = at == NULL ? NULL : value(at, element);
        at = at == NULL ? NULL : space(at);
        if (at != NULL && *at != closing) {
            at = *at == ',' ? space(at + 1) : NULL;
        }
    }
    return at == NULL ? NULL : at + 1;
}

static const char *number(const char *at, struct json *into) {
    size_t length = strspn(at, "+-.0123456789eE");
    into->kind = JSON_NUMBER;
    into->text = fresh(length + 1);
    memcpy(into->text, at, length);
    return length == 0 ? NULL : at + length;
}

static const char *value(const char *at, struct json *into) {
    static const char *const words[] = {"null", "false", "true"};
    at = space(at);
    switch (*at) {
    case '{':
        into->kind = JSON_OBJECT;
        return elements(at, into, '}');
    case '[':
        into->kind = JSON_LIST;
        return elements(at, into, ']');
    case '"':
        into->kind = JSON_STRING;
        return string(at, &into->text);
    default:
        for (int i = 0; i < 3; i++) {
            if (strncmp(at, words[i], strlen(words[i])) == 0) {
                into->kind = (enum json_kind)i;
                return at + strlen(words[i]);
            }
        }
        return number(at, into);
    }
}

struct json *json_read(const char *text) {
    struct json *root = fresh(sizeof *root);
    const char *end = value(text, root);
    if (end == NULL || *space(end) != '\0') {
        json_free(root);
        return NULL;
    }
    return root;
}

void json_free(struct json *value) {
    while (value != NULL) {
        struct json *next = value->next;
        json_free(value->first);
        free(value->key);
        free(value->text);
        free(value);
        value = next;
    }
}

const struct json *json_get(const struct json *object, const char *key) {
    const struct json *member = object == NULL || object->kind != JSON_OBJECT ? NULL : object->first;
    while (member != NULL && strcmp(member->key, key) != 0) {
        member = member->next;
    }
    return member;
}

const char *json_text(const struct json *object, const char *key, const char *otherwise) {
    const struct json *member = json_get(object, key);
    return member == NULL || member->text == NULL ? otherwise : member->text;
}

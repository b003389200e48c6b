/* As much JSON as a testee needs: a text is read into a tree of values. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_OBJECT };

struct json {
    enum json_kind kind;
    /* In an object: the name of this member. */
    char *key;
    /* A string, unescaped; a number as it was written. Ends with a zero octet. */
    char *text;
    /* Elements of a list, members of an object. */
    struct json *first;
    struct json *next;
};

/* The value that a text is; NULL when it is no JSON. */
struct json *json_read(const char *text);
void json_free(struct json *value);

/* A member of an object; NULL when there is none. */
const struct json *json_get(const struct json *object, const char *key);
/* The text of a member that is a string or a number, or `otherwise`. */
const char *json_text(const struct json *object, const char *key, const char *otherwise);

#endif

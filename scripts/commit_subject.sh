#!/bin/sh
# A commit's subject has at most 72 characters: git, mail and reviews cut longer ones.
subject=$(head -n 1 "$1")
[ "${#subject}" -le 72 ] || { echo "The subject has ${#subject} characters; at most 72." >&2; exit 1; }

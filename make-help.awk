# `make help`: the targets of the Makefile with the comment behind each, by section.
BEGIN { FS = ":.*## "; print "usage: make <target> [VARIABLE=value …]" }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z0-9-]+:.*## / { split($1, name, ":"); printf "  %-15s %s\n", name[1], $2 }

# catalogue.awk: writes catalogue_tables.c from the catalogue's rows.
#
#   awk -f catalogue.awk facts.tsv kinds.tsv > catalogue_tables.c
#
# POSIX awk. A malformed row ends it with status 1 and a sentence with file and line; the build then stops.
# Row numbers are numbers on the wire (proto/kinds.proto): rows and words are added at the end, never moved.

BEGIN {
    FS = "\t"
    # Kinds delivered whatever is missing, and accepted when disk is short (decision D41 of the procedures).
    words_to_set("move_notified temporary_plan_flag child_found_needing_protection unborn_registered " \
        "linked_risk_notice eh_stepped_up", protective)
    # Kinds that attach documents, and so carry a payload even without a sealed fact.
    words_to_set("documents_provided report_provided minutes_sent eh_handover_sent", documents)
    # Who says it, and to whom.
    words_to_set("origin>receiving receiving>origin home>host host>home placing>host host>placing either>other any>any", roles)
    # Field number in Header (proto/waypost.proto) of each envelope fact.
    split("ref=12 supersedes=13 lawful_basis=15 mode=16 art9_condition=19 family_informed=20 " \
        "withheld_reason=21 handling=22 addressee_service=23 template=24 weekday=25", pairs, " ")
    for (i in pairs) {
        split(pairs[i], pair, "=")
        header_field[pair[1]] = pair[2]
    }
    split("bool int enum date time code id hash ref subject text", list, " ")
    for (i in list) {
        type_name[list[i]] = "FACT_" toupper(list[i])
    }
}

function words_to_set(text, set,    list, i)
{
    split(text, list, " ")
    for (i in list) {
        set[list[i]] = 1
    }
}

function fail(sentence)
{
    printf "%s:%d: %s\n", FILENAME, FNR, sentence | "cat 1>&2"
    close("cat 1>&2")
    failed = 1
    exit 1
}

function quote(text)
{
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

FNR == 1 {
    file++
    want = file == 1 ? "name\ttype\tvalues\tunit\tmeaning\tvisibility" : \
        "kind\ttitle\tsender_role\trecipient_role\trequired_facts\toptional_facts\tstarts\tstops\tsets\tack_expected\tsources"
    if ($0 != want) {
        fail("the heading must be: " want)
    }
    next
}

/\r|[\001-\010]/ { fail("the row holds a control character") }

# --- facts ---------------------------------------------------------------------------------------------------

file == 1 {
    if (NF != 6) {
        fail("a fact has 6 columns, this row has " NF)
    }
    if ($1 !~ /^[a-z][a-z0-9_]*$/ || ($1 in fact_number)) {
        fail("fact name '" $1 "' is malformed or stands twice")
    }
    if ($6 != "clear" && $6 != "sealed") {
        fail("visibility is clear or sealed, not '" $6 "'")
    }
    type = $2
    listed = sub(/^list of /, "", type)
    enum_name = ""
    if (type ~ /^enum:[a-z][a-z0-9_]*$/) {
        enum_name = substr(type, 6)
        type = "enum"
        enum_take(enum_name, $3)
    } else if ($3 != "-") {
        fail("only an enum has values")
    }
    if (!(type in type_name)) {
        fail("type '" $2 "' is not known")
    }
    if (type == "text" && $6 != "sealed") {
        fail("free text stands in the sealed part alone")
    }
    envelope = $5 ~ /^Envelope/
    if (envelope != ($1 in header_field)) {
        fail("envelope fact '" $1 "' and the header's fields do not agree")
    }
    facts++
    if (facts >= 512) {
        fail("CATALOGUE_FACTS_MAX in catalogue.h is reached: raise it first")
    }
    if (enum_name == "case_type") {
        case_type_row = facts
    }
    fact_number[$1] = facts
    fact_name[facts] = $1
    fact_sealed[$1] = $6 == "sealed"
    fact_row[facts] = sprintf("    {%d, %d, %s, %s, %s, %s, %s, %s, %s, %s,\n        %s},", facts, \
        envelope ? header_field[$1] : 0, quote($1), type_name[type], listed ? "true" : "false", \
        $6 == "sealed" ? "true" : "false", envelope ? "true" : "false", \
        enum_name == "" ? "NULL" : quote(enum_name), enum_name == "" ? "NULL" : "words_" enum_name, \
        enum_name == "" ? "0" : enum_count[enum_name], quote($5))
    next
}

function enum_take(name, values,    list, i, count, seen)
{
    if (name in enum_values) {
        if (enum_values[name] != values) {
            fail("enum '" name "' has other values above")
        }
        return
    }
    count = split(values, list, ",")
    if (count < 1) {
        fail("enum '" name "' has no values")
    }
    for (i = 1; i <= count; i++) {
        if (list[i] !~ /^[a-z0-9][a-z0-9_]*$/ || (list[i] in seen)) {
            fail("value '" list[i] "' of enum '" name "' is malformed or stands twice")
        }
        seen[list[i]] = 1
    }
    enum_values[name] = values
    enum_count[name] = count
    enum_order[++enums] = name
}

# --- kinds ---------------------------------------------------------------------------------------------------

file == 2 {
    if (NF != 11) {
        fail("a kind has 11 columns, this row has " NF)
    }
    if ($1 !~ /^[a-z][a-z0-9_]*$/ || ($1 in kind_number)) {
        fail("kind name '" $1 "' is malformed or stands twice")
    }
    if (!(($3 ">" $4) in roles)) {
        fail("no kind goes from '" $3 "' to '" $4 "'")
    }
    if ($2 == "" || $11 == "" || $11 == "-") {
        fail("a kind has a title and sources")
    }
    kinds++
    kind_number[$1] = kinds
    kind_name[kinds] = $1
    split("", taken)
    required[kinds] = numbers_of($5)
    optional[kinds] = numbers_of($6)
    answers[kinds] = answers_of($10)
    kind_row[kinds] = sprintf("    {%d, %s, %s, %s, %s, %s, %s,\n        answers_%d, required_%d, optional_%d, %s, %s},", \
        kinds, quote($1), quote($2), quote($3), quote($4), quote($10), $10 ~ /,A2/ ? "true" : "false", kinds, kinds, kinds, \
        ($1 in protective) ? "true" : "false", ($1 in documents) ? "true" : "false")
    next
}

function numbers_of(column,    list, i, count, text)
{
    text = ""
    count = column == "-" ? 0 : split(column, list, ",")
    for (i = 1; i <= count; i++) {
        if (!(list[i] in fact_number)) {
            fail("fact '" list[i] "' is not in the table of facts")
        }
        if (fact_sealed[list[i]] || (list[i] in taken)) {
            fail("fact '" list[i] "' is sealed or stands twice in this kind")
        }
        taken[list[i]] = 1
        text = text fact_number[list[i]] ", "
    }
    return text "0"
}

# Of "A1,A2,A3=one/two" the kinds that answer, as "one/two"; "" for none.
function answers_of(column)
{
    if (column !~ /^A1(,A2)?(,A3=[a-z0-9_\/]+)?$/) {
        fail("ack_expected is A1, then A2 or not, then A3=KIND/KIND or not: '" column "'")
    }
    return sub(/^.*,A3=/, "", column) ? column : ""
}

# The numbers of kinds, once all of them are known.
function kind_numbers(names,    list, i, count, text)
{
    text = ""
    count = split(names, list, "/")
    for (i = 1; i <= count; i++) {
        if (!(list[i] in kind_number)) {
            fail("kind '" list[i] "' of ack_expected is not in the table of kinds")
        }
        text = text kind_number[list[i]] ", "
    }
    return text "0"
}

# --- output --------------------------------------------------------------------------------------------------

# Row indexes sorted by name; insertion sort, for the rows are few.
function print_order(symbol, names, count,    order, i, j, row)
{
    for (i = 1; i <= count; i++) {
        row = i
        for (j = i - 1; j >= 1 && names[order[j]] > names[row]; j--) {
            order[j + 1] = order[j]
        }
        order[j + 1] = row
    }
    printf "const uint16_t %s[] = {", symbol
    for (i = 1; i <= count; i++) {
        printf "%s%d,", (i % 20 == 1 ? "\n    " : " "), order[i] - 1
    }
    print "\n};\n"
}

function check_names(set, known, what,    name)
{
    for (name in set) {
        if (!(name in known)) {
            fail(what " '" name "' is named in catalogue.awk and has no row")
        }
    }
}

END {
    if (failed) {
        exit 1
    }
    if (file != 2) {
        fail("two files are needed: facts.tsv kinds.tsv")
    }
    check_names(protective, kind_number, "kind")
    check_names(documents, kind_number, "kind")
    check_names(header_field, fact_number, "fact")
    if (!case_type_row) {
        fail("no fact has the enum case_type")
    }
    print "/* Written by common/codec/catalogue.awk from data/procedures; not to be edited. */"
    print "#include \"common/codec/catalogue_tables.h\"\n"
    for (i = 1; i <= enums; i++) {
        count = split(enum_values[enum_order[i]], list, ",")
        printf "static const char *const words_%s[] = {\n", enum_order[i]
        for (j = 1; j <= count; j++) {
            printf "    %s,\n", quote(list[j])
        }
        print "};\n"
    }
    for (i = 1; i <= kinds; i++) {
        printf "static const uint32_t answers_%d[] = {%s};\n", i, kind_numbers(answers[i])
        printf "static const uint32_t required_%d[] = {%s};\n", i, required[i]
        printf "static const uint32_t optional_%d[] = {%s};\n", i, optional[i]
    }
    print "\nconst struct fact_info catalogue_facts[] = {"
    for (i = 1; i <= facts; i++) {
        print fact_row[i]
    }
    print "};\n"
    print_order("catalogue_facts_by_name", fact_name, facts)
    printf "const size_t catalogue_facts_total = %d;\n\n", facts
    print "const uint16_t catalogue_header_rows[HEADER_FIELDS_MAX] = {"
    for (name in header_field) {
        printf "    [%d] = %d,\n", header_field[name], fact_number[name]
    }
    printf "};\n\nconst uint16_t catalogue_case_type_row = %d;\n\n", case_type_row
    print "const struct kind_info catalogue_kinds[] = {"
    for (i = 1; i <= kinds; i++) {
        print kind_row[i]
    }
    print "};\n"
    print_order("catalogue_kinds_by_name", kind_name, kinds)
    printf "const size_t catalogue_kinds_total = %d;\n", kinds
}

package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// shape compares what the file says with the keys of [Config] and the kinds of values that they take, so that every difference is
// found at once and told in the words of the file; the TOML library stops at the first, and names Go's types.
type shape struct {
	text     string   // of the file
	unknown  Problems // keys and tables
	mistyped Problems // values that their key cannot take
}

func shapeOf(text string, file map[string]any) *shape {
	s := &shape{text: text}
	tables := fieldsOf(reflect.TypeFor[Config]())
	for _, name := range slices.Sorted(maps.Keys(file)) {
		value := file[name]
		t, known := lookup(tables, name)
		if !known {
			s.unknownTable(name, value, tables)
			continue
		}
		rows, several := rowsOf(value)
		one, single := value.(map[string]any)
		switch {
		case t.Kind() == reflect.Struct && single:
			s.table(name, name, 0, one, t)
		case t.Kind() == reflect.Struct && several:
			s.wrong(name, s.headerAt(name), "write [%s], with single brackets: there is one", name)
		case t.Kind() == reflect.Struct:
			s.wrong(name, s.keyAt("", 0, name), "%s; write [%s], and its keys below", shownKind(value), name)
		case several:
			for i, row := range rows {
				s.table(name, fmt.Sprintf("%s[%d]", name, i+1), i, row, t.Elem())
			}
		case single:
			s.wrong(name, s.headerAt(name), "write [[%s]], with double brackets: there may be several", name)
		default:
			s.wrong(name, s.keyAt("", 0, name), "%s; write [[%s]], and its keys below", shownKind(value), name)
		}
	}
	return s
}

// rowsOf are the tables of a name that may have several, written as [[name]] or as a list.
func rowsOf(value any) ([]map[string]any, bool) {
	list, ok := value.([]any)
	if !ok {
		rows, ok := value.([]map[string]any)
		return rows, ok
	}
	var rows []map[string]any
	for _, v := range list {
		row, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		rows = append(rows, row)
	}
	return rows, true
}

// table compares the keys of the table with the index among those of its name; as is how errors call it.
func (s *shape) table(name, as string, index int, table map[string]any, t reflect.Type) {
	fields := fieldsOf(t)
	for _, key := range slices.Sorted(maps.Keys(table)) {
		ft, known := lookup(fields, key)
		if !known {
			s.unknown = append(s.unknown, unknownKey(name, as, key, fields))
		} else if inner, ok := table[key].(map[string]any); ok && ft.Kind() == reflect.Struct {
			s.table(name+"."+key, as+"."+key, 0, inner, ft) // a table of a table
		} else if want := mismatch(table[key], ft); want != "" {
			s.wrong(as+"."+key, s.keyAt(name, index, key), "%s", want)
		}
	}
}

func (s *shape) wrong(key string, line int, format string, a ...any) {
	if line > 0 {
		key = fmt.Sprintf("%s (line %d)", key, line)
	}
	s.mistyped = append(s.mistyped, key+": "+fmt.Sprintf(format, a...))
}

func (s *shape) unknownTable(name string, value any, tables map[string]reflect.Type) {
	switch value.(type) {
	case map[string]any, []map[string]any:
	default:
		s.unknown = append(s.unknown, keyWithoutTable(name, tables))
		return
	}
	near := nearest(name, tables)
	switch {
	case near == "":
		s.unknown = append(s.unknown, fmt.Sprintf("[%s]: unknown table; config.toml of the program lists every table and key", name))
	case tables[near].Kind() == reflect.Slice:
		s.unknown = append(s.unknown, fmt.Sprintf("[%s]: unknown table; did you mean [[%s]]?", name, near))
	default:
		s.unknown = append(s.unknown, fmt.Sprintf("[%s]: unknown table; did you mean [%s]?", name, near))
	}
}

// keyWithoutTable is about a key above the first table.
func keyWithoutTable(key string, tables map[string]reflect.Type) string {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if tables[name].Kind() != reflect.Struct {
			continue
		}
		if _, known := fieldsOf(tables[name])[key]; known {
			return fmt.Sprintf("%s: stands in no table; did you mean %s.%s? Write it below [%s]", key, name, key, name)
		}
	}
	return key + ": unknown key, in no table; config.toml of the program lists every key"
}

func unknownKey(name, as, key string, fields map[string]reflect.Type) string {
	if moved := movedKey(name + "." + key); moved != "" {
		return moved
	}
	if near := nearest(key, fields); near != "" {
		return fmt.Sprintf("%s.%s: unknown key; did you mean %s.%s?", as, key, name, near)
	}
	return fmt.Sprintf("%s.%s: unknown key; config.toml of the program lists every key", as, key)
}

// mismatch says what is wrong with a value for a key of the type; "" for nothing.
func mismatch(value any, t reflect.Type) string {
	if text, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok { // Duration, Size
		if err := text.UnmarshalText(fmt.Append(nil, value)); err != nil {
			return err.Error()
		}
		return ""
	}
	var good bool
	var want string
	switch t.Kind() {
	case reflect.Bool:
		_, good = value.(bool)
		want = "true or false is wanted, without quotes"
	case reflect.Int:
		_, good = value.(int64)
		want = "a whole number is wanted, without quotes"
	case reflect.Float64:
		switch value.(type) {
		case int64, float64:
			good = true
		}
		want = "a number is wanted, without quotes"
	case reflect.String:
		_, good = value.(string)
		want = "a text is wanted, in quotes"
	case reflect.Slice:
		list, ok := value.([]any)
		good = ok && !slices.ContainsFunc(list, func(v any) bool { _, text := v.(string); return !text })
		want = `a list of texts is wanted, such as ["one", "two"]`
	case reflect.Struct:
		want = "a table is wanted"
	}
	if good {
		return ""
	}
	return shown(value) + "; " + want
}

// shown is a value as the file has it, tables and long lists by what they are.
func shown(value any) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case map[string]any, []map[string]any:
		return "is a table"
	case []any:
		return "is a list"
	}
	return fmt.Sprint(value)
}

// shownKind is a value in the place of a table. A text may be an address with a password in it: it is not repeated.
func shownKind(value any) string {
	if _, text := value.(string); text {
		return "is a text"
	}
	return shown(value)
}

// headerAt is the line of the first header of a table; 0 if there is none.
func (s *shape) headerAt(table string) int {
	all := s.headers(table)
	if len(all) == 0 {
		return 0
	}
	return lineAt(s.text, all[0][0])
}

func (s *shape) headers(table string) [][]int {
	return regexp.MustCompile(`(?m)^[ \t]*\[+[ \t]*`+regexp.QuoteMeta(table)+`[ \t]*\]+`).FindAllStringIndex(s.text, -1)
}

var anyHeader = regexp.MustCompile(`(?m)^[ \t]*\[`)

// keyAt is the line of a key in the table with the index among those of its name, "" above the first table. It is found as people
// write files, a header on its line and the keys on theirs; 0 if it is written in another way. The TOML library knows, of a key that
// several tables have, the last line alone.
func (s *shape) keyAt(table string, index int, key string) int {
	start := 0
	if table != "" {
		all := s.headers(table)
		if index >= len(all) {
			return 0
		}
		start = all[index][1]
	}
	body := s.text[start:]
	if next := anyHeader.FindStringIndex(body); next != nil {
		body = body[:next[0]]
	}
	at := regexp.MustCompile(`(?m)^[ \t]*` + regexp.QuoteMeta(key) + `[ \t]*=`).FindStringIndex(body)
	if at == nil {
		return 0
	}
	return lineAt(s.text, start+at[0])
}

func lineAt(text string, offset int) int { return 1 + strings.Count(text[:offset], "\n") }

// fieldsOf are the keys of a table and their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("toml"); name != "-" {
			fields[name] = t.Field(i).Type
		}
	}
	return fields
}

// lookup finds a key as the TOML library does, which lets its case pass.
func lookup(fields map[string]reflect.Type, key string) (reflect.Type, bool) {
	for name, t := range fields {
		if strings.EqualFold(name, key) {
			return t, true
		}
	}
	return nil, false
}

// nearest is the known name that a misspelt one could mean: at most three letters, and less than half of it, are different. "" if
// there is none.
func nearest(name string, known map[string]reflect.Type) string {
	best, least := "", min(4, (len(name)+1)/2)
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

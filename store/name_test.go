package store

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, valid := range map[string]bool{
		"inbox/0f/a.dcm":                     true,
		"CT_1-054.dcm":                       true,
		strings.Repeat("a/", 255) + "b":      true,
		"":                                   false,
		"/etc/passwd":                        false,
		"inbox/../../etc/passwd":             false,
		"inbox/./a":                          false,
		"inbox//a":                           false,
		"inbox/":                             false,
		"inbox/.hidden":                      false,
		`inbox\a`:                            false,
		"C:/a":                               false,
		"inbox/a\x00b":                       false,
		"inbox/a b":                          false,
		"inbox/ä":                            false,
		strings.Repeat("a", 129):             false,
		strings.Repeat("abcdefg/", 64) + "b": false,
	} {
		if err := CheckName(name); (err == nil) != valid || err != nil && !errors.Is(err, ErrName) {
			t.Errorf("%q: %v, want valid %v", name, err, valid)
		}
	}
}

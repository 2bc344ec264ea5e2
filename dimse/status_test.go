package dimse

import "testing"

func TestStatus(t *testing.T) {
	for status, want := range map[Status]struct {
		class Class
		text  string
	}{
		0x0000: {ClassSuccess, "0000H (success)"},
		0xB000: {ClassWarning, "B000H (coercion of data elements)"},
		0xB007: {ClassWarning, "B007H (data set does not match SOP class, stored)"},
		0xB123: {ClassWarning, "B123H (warning)"},
		0x0107: {ClassWarning, "0107H (warning)"},
		0xA700: {ClassFailure, "A700H (out of resources)"},
		0xA7FF: {ClassFailure, "A7FFH (out of resources)"},
		0xA900: {ClassFailure, "A900H (data set does not match SOP class)"},
		0xC123: {ClassFailure, "C123H (cannot understand)"},
		0x0122: {ClassFailure, "0122H (SOP class not supported)"},
		0x1234: {ClassFailure, "1234H (failure)"},
		0xFF00: {ClassPending, "FF00H (pending)"},
		0xFE00: {ClassCancel, "FE00H (cancel)"},
	} {
		if got := status.Class(); got != want.class {
			t.Errorf("%v: class %v, want %v", status, got, want.class)
		}
		if got := status.String(); got != want.text {
			t.Errorf("got %q, want %q", got, want.text)
		}
	}
}

func TestRejection_Error(t *testing.T) {
	for want, r := range map[string]*Rejection{
		"association rejected 1/1/7 (permanent, called AE title not recognized): no node of this name": {1, 1, 7, "no node of this name"},
		"association rejected 2/3/2 (transient, local limit exceeded)":                                 {2, 3, 2, ""},
		"association rejected 9/9/9 (permanent, unknown reason)":                                       {9, 9, 9, ""},
	} {
		if got := r.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

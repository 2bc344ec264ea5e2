// Package alter changes CT scans as tables, patients and scanners do: what is measured in a scan must not change with them. It works on
// slices in Hounsfield units, a phantom's or a patient's; every change gives new slices and leaves the old ones alone.
//
// The outline of the patient that tables and arms go by is found by a flood from the middle, on purpose in another way than the node's.
package alter

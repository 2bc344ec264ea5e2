// Package metrics answers a monitoring system: the views of room status as Prometheus metrics, whether the process lives, and whether the
// node takes studies. What the process alone knows, such as what each stage of a study took, a Meter counts while it runs.
//
// It promises that labels come from the configuration alone, so that no stranger makes new series and no metric names a study or a
// patient, and that a scrape costs one look at the views.
package metrics

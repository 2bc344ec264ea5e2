// Package notify tells other systems what happened to a study: signed JSON by HTTP POST.
//
// [Compose] turns a notice of the ledger into an [Event], and [Sign] proves who says it; both are functions over values. [Webhook.Post] is
// one attempt at one receiver. [Notifier] works on the ledger's notification jobs: it fixes the text of an event at its first attempt,
// so that every attempt says the same under the same event ID, and tries again with growing delay until the receiver has it. At
// least once is the promise; the receiver tells repetitions by their ID. [Watch] looks for what is stuck.
//
// An event never holds a person's name. The room reads no DICOM: who calls it says what is found and which identifiers go along.
package notify

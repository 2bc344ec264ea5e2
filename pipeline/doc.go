// Package pipeline takes a settled study and gives findings.
//
// [Load] and [Examination.Read] are the whole reading of one study as functions over files and networks:
//
//	headers -> select series -> check geometry -> decode -> HU volume -> classify -> decide -> segment -> measure
//
// The node and the offline run share it. [Settler] decides when a study is complete, [Processor] carries one revision of a
// study from the ledger through both and the object builder back into the ledger, in a way that is safe to run twice; [Retention]
// removes the files of studies that are over.
// The rooms below (ct, codec, cascade, lung) do the work on values and know nothing of the ledger.
package pipeline

package jobs

// WakeSleepers is what the running jobs do now and then.
var WakeSleepers = wakeSleepers

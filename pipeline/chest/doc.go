// Package chest finds the patient and the lungs in a stack of CT slices, coarsely, on means over blocks of some millimetres: enough to
// say whether a stack shows a chest, which slices show lungs, and what of its air is lung.
//
// The body comes first: the largest connected piece of soft tissue that is thicker than the shell of a table, in three dimensions. Air
// is within the patient where tissue closes it off in its slice, and most of its piece lies within the convex hull of the body: the
// inside of a table, with its foam, does not, nor do blankets or what lies between arms and trunk. A lung that a narrow field of view
// cuts is told from the air around the patient by the walls around it. Wide pockets of gas with a wall or dense lung around them are
// stomach, bowel or a pneumothorax, and no lung; bullae in emphysema are. What is left is lung where it is wide enough; a second piece
// must lie beside the largest, not below or above it.
//
// Pure: values in, values out, nothing but guard imported.
package chest

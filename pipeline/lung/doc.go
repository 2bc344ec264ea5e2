// Package lung finds the lungs in a CT volume by its Hounsfield units and
// measures lesions against them: ours, not the paper's, and by classical means
// without any network, so that a number such as "12 % of the right lung" has a
// method that can be read and repeated.
//
// The method: the body and what of its air is lung come from means over blocks
// (package chest); of the pieces of air (below airHU) in each slice those stay
// that lie in lung, without the trachea and main bronchi; a path of least air
// between the two lungs divides them; each lung is closed slice by slice so that
// vessels and dense lesions inside and at the pleura belong to it.
//
// Limits: a lobe that is wholly without air is not found (its wall is no longer
// the wall of air), which makes a share too large rather than too small; lungs
// that touch the border of the picture lose what is connected to it; a wide bulla
// in lung that is otherwise dense counts as gas.
//
// Pure: values in, values out, no package but chest imported. Slices are
// row-major, masks hold None, Right and Left.
package lung

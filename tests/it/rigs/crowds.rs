//! More than there is room for: few descriptors, little memory, slow and huge requests, thousands who say nothing.

"""What each key at the top of a config means, a file each: from nodes to values; mistakes are collected."""

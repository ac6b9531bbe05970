"""Every visible word of the portal, in Chinese and in English, and how numbers and times look."""

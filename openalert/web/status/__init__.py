"""Status pages as the public reads them: pictures kept in memory, and every form in which they leave."""
